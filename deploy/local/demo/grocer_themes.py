"""Themes of the demo's grocer: the default ones, tagged with the categories of its own tills."""

from collections.abc import Sequence

from libs.common.commands import Theme, ThemesBody


def _tags(department: str, *categories: str) -> tuple[str, ...]:
    return tuple(f"{department}/{category}" for category in categories)


def _theme(id_: str, name: str, name_en: str, *tags: Sequence[str]) -> Theme:
    return Theme(id=id_, name=name, tags=tuple(tag for some in tags for tag in some), name_en=name_en)


GROCER = ThemesBody(
    themes=(
        _theme(
            "babies", "萌宝家庭", "Families with babies",
            _tags("DRUG GM", "BABY FOODS", "DIAPERS & DISPOSABLES", "BABY HBC", "INFANT FORMULA", "TOYS AND GAMES"),
            _tags("DRUG GM", "INFANT CARE PRODUCTS"),
        ),
        _theme(
            "home-cooks", "家常厨房", "Home cooks",
            _tags("MEAT", "BEEF", "CHICKEN", "PORK", "SMOKED MEATS", "TURKEY"),
            _tags("GROCERY", "BAKING MIXES", "BAKING NEEDS", "CONDIMENTS/SAUCES", "DRY BN/VEG/POTATO/RICE"),
            _tags("GROCERY", "DRY NOODLES/PASTA", "FLOUR & MEALS", "HISPANIC", "PASTA SAUCE", "SHORTENING/OIL"),
            _tags("GROCERY", "SPICES & EXTRACTS", "SUGARS/SWEETNERS", "VEGETABLES - SHELF STABLE"),
            _tags("SEAFOOD", "SEAFOOD-FRESH"), _tags("SEAFOOD-PCKGD", "SEAFOOD - FROZEN"),
        ),
        _theme(
            "fitness", "健身轻食", "Fitness and light food",
            _tags("GROCERY", "CONVENIENT BRKFST/WHLSM SNACKS", "HOT CEREAL", "ISOTONIC DRINKS"),
            _tags("GROCERY", "WATER - CARBONATED/FLVRD DRINK", "WATER", "YOGURT"),
            _tags("NUTRITION", "DRIED FRUIT", "FITNESS&DIET", "FROZEN", "REFRIGERATED", "SOY/NUTRITIONAL"),
            _tags("PRODUCE", "SALAD MIX"), _tags("SALAD BAR", "SALAD BAR"),
        ),
        _theme(
            "seniors-health", "银发健康", "Seniors' health",
            _tags("DRUG GM", "ANALGESICS", "COLD AND FLU", "FIRST AID PRODUCTS", "GREETING CARDS/WRAP/PARTY SPLY"),
            _tags("DRUG GM", "MAGAZINE", "NEWSPAPER", "VITAMINS"),
            _tags("GROCERY", "CANNED JUICES", "COFFEE", "FRUIT - SHELF STABLE", "SOUP", "TEAS"),
        ),
        _theme(
            "home", "居家园艺", "Home and garden",
            _tags("FLORAL", "FLORAL-FRESH CUT", "FLORAL-FLOWERING PLANTS"),
            _tags("GROCERY", "AIR CARE", "BATH TISSUES", "BLEACH", "DISHWASH DETERGENTS", "FACIAL TISS/DNR NAPKIN"),
            _tags("GROCERY", "FD WRAPS/BAGS/TRSH BG", "HOUSEHOLD CLEANG NEEDS", "LAUNDRY ADDITIVES"),
            _tags("GROCERY", "LAUNDRY DETERGENTS", "PAPER HOUSEWARES", "PAPER TOWELS"),
        ),
        _theme(
            "pets", "萌宠之家", "Pets",
            _tags("GROCERY", "CAT FOOD", "CAT LITTER", "DOG FOODS", "PET CARE SUPPLIES"),
        ),
        _theme(
            "deals", "省钱拼团", "Deals and group buying",
            _tags("FUEL", "COUPON/MISC ITEMS"), _tags("MISCELLANEOUS", "COUPON/MISC ITEMS"),
            _tags("GROCERY", "WAREHOUSE SNACKS"),
        ),
        _theme(
            "fresh", "生鲜时令", "Fresh and in season",
            _tags("PRODUCE", "APPLES", "BERRIES", "BROCCOLI/CAULIFLOWER", "CARROTS", "CITRUS", "CORN", "GRAPES"),
            _tags("PRODUCE", "HERBS", "MELONS", "MUSHROOMS", "ONIONS", "ORGANICS FRUIT & VEGETABLES", "PEPPERS-ALL"),
            _tags("PRODUCE", "POTATOES", "SQUASH", "STONE FRUIT", "TOMATOES", "TROPICAL FRUIT", "VALUE ADDED FRUIT"),
            _tags("PRODUCE", "VALUE ADDED VEGETABLES", "VEGETABLES - ALL OTHERS", "VEGETABLES SALAD"),
        ),
        _theme(
            "beauty", "美妆护肤", "Beauty and care",
            _tags("COSMETICS", "MAKEUP AND TREATMENT"),
            _tags("DRUG GM", "DEODORANTS", "FEMININE HYGIENE", "HAIR CARE PRODUCTS", "HAND/BODY/FACIAL PRODUCTS"),
            _tags("DRUG GM", "ORAL HYGIENE PRODUCTS", "SHAVING CARE PRODUCTS", "SOAP - LIQUID & BAR"),
        ),
        _theme(
            "quick", "快手速食", "Quick meals",
            _tags("GROCERY", "DINNER MXS:DRY", "FROZEN PIZZA", "FRZN BREAKFAST FOODS", "FRZN MEAT/MEAT DINNERS"),
            _tags("GROCERY", "FRZN POTATOES", "MEAT - SHELF STABLE", "REFRGRATD DOUGH PRODUCTS"),
            _tags("DELI", "CHICKEN/POULTRY", "DELI MEATS", "PREPARED FOOD", "SALADS/DIPS"),
            _tags("MEAT-PCKGD", "BREAKFAST SAUSAGE/SANDWICHES", "FROZEN MEAT", "HEAT/SERVE", "HOT DOGS", "LUNCHMEAT"),
        ),
        _theme(
            "treats", "零食聚会", "Snacks and parties",
            _tags("DRUG GM", "CANDY - CHECKLANE", "CANDY - PACKAGED"),
            _tags("GROCERY", "BAG SNACKS", "BEERS/ALES", "COOKIES/CONES", "DOMESTIC WINE", "FRZN NOVELTIES/WTR ICE"),
            _tags("GROCERY", "ICE CREAM/MILK/SHERBTS", "SNACK NUTS", "SOFT DRINKS"),
        ),
        _theme(
            "bakery", "烘焙早餐", "Bakery and breakfast",
            _tags("GROCERY", "BAKED BREAD/BUNS/ROLLS", "BAKED SWEET GOODS", "BUTTER", "CHEESE", "COLD CEREAL", "EGGS"),
            _tags("GROCERY", "FLUID MILK PRODUCTS", "MARGARINES", "MILK BY-PRODUCTS", "PNT BTR/JELLY/JAMS"),
            _tags("PASTRY", "BREAD", "BREAKFAST SWEETS", "CAKES", "COOKIES", "PIES", "ROLLS"),
        ),
    )
)  # fmt: skip
