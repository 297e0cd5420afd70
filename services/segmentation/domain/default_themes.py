"""The themes of a store that has not defined its own: a grocer's, in Chinese and English.

Tags are topics of the default lexicon and the categories that tills use most, in both languages.
"""

from libs.common.commands import Theme

DEFAULT_THEMES = (
    Theme(
        "babies",
        "萌宝家庭",
        ("baby", "babies", "diapers", "formula", "kids", "toys", "母婴", "宝宝", "奶粉", "纸尿裤", "童装", "玩具"),
        "Families with babies",
    ),
    Theme(
        "home-cooks",
        "家常厨房",
        ("food", "cooking", "recipes", "spices", "oils", "meat", "seafood", "美食", "做饭", "粮油", "调味", "海鲜"),
        "Home cooks",
    ),
    Theme(
        "fitness",
        "健身轻食",
        ("fitness", "sports", "protein", "salad", "yoga", "running", "健身", "运动", "轻食", "瑜伽", "跑步", "低脂"),
        "Fitness and light food",
    ),
    Theme(
        "seniors-health",
        "银发健康",
        ("health", "vitamins", "pharmacy", "supplements", "seniors", "健康", "养生", "保健", "药品", "老年", "血压"),
        "Seniors' health",
    ),
    Theme(
        "garden",
        "阳台花园",
        ("garden", "flowers", "plants", "seeds", "tools", "园艺", "花卉", "绿植", "种菜", "盆栽"),
        "Garden and balcony",
    ),
    Theme(
        "pets",
        "萌宠之家",
        ("pets", "pet", "cat", "dog", "pet food", "宠物", "猫", "狗", "猫粮", "狗粮", "猫砂"),
        "Pets",
    ),
    Theme(
        "deals",
        "省钱拼团",
        ("grocery", "deals", "coupons", "promotion", "group buy", "household", "优惠", "团购", "特价", "秒杀", "日用"),
        "Deals and group buying",
    ),
    Theme(
        "fresh",
        "生鲜时令",
        ("fresh", "produce", "fruit", "vegetables", "dairy", "eggs", "bakery", "生鲜", "水果", "蔬菜", "鸡蛋", "烘焙"),
        "Fresh and in season",
    ),
    Theme(
        "beauty",
        "美妆护肤",
        ("beauty", "cosmetics", "skincare", "hair care", "fragrance", "美妆", "护肤", "化妆品", "洗护", "香水"),
        "Beauty and care",
    ),
)  # fmt: skip
