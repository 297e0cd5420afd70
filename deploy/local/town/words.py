"""What people of the town say and buy. Topics are those of the built-in lexicon, and every text has exactly its own."""

import json
from typing import Literal, NamedTuple

TOPICS = ("baby", "beauty", "fitness", "food", "garden", "grocery", "health", "pets")
NO_TOPIC = len(TOPICS)  # small talk
Sort = Literal["tell", "ask", "answer"]

_WORDS = {
    "baby": "奶粉 辅食 纸尿裤 绘本 婴儿车 安全座椅 早教 童装 爬行垫 奶瓶",
    "beauty": "面膜 防晒霜 口红 护手霜 洗面奶 眼霜 粉底液 香水 卸妆油 美甲",
    "fitness": "瑜伽 跑步 深蹲 拉伸 哑铃 夜跑 蛋白粉 平板支撑 骑行 跳绳",
    "food": "火锅 草莓 蛋糕 饺子 咖啡 排骨 菜谱 烘焙 海鲜 奶茶",
    "garden": "多肉 月季 绣球 营养土 换盆 阳台种菜 绿萝 浇水 花盆 种子",
    "grocery": "大米 鸡蛋 酱油 纸巾 洗衣液 团购 优惠券 食用油 满减 调料",
    "health": "体检 养生 血压计 维生素 颈椎 钙片 枸杞 泡脚 益生菌 中医",
    "pets": "猫粮 猫砂 狗粮 遛狗 驱虫 猫爬架 柯基 鱼缸 冻干 宠物医院",
}
_ENGLISH_WORDS = {
    "baby": ("baby food", "diapers", "strollers", "picture books"),
    "beauty": ("sunscreen", "lipstick", "hand cream", "skincare"),
    "fitness": ("yoga", "running shoes", "hiking", "pilates"),
    "food": ("hotpot", "bubble tea", "dumplings", "recipes"),
    "garden": ("succulents", "hydrangeas", "potting soil", "seedlings"),
    "grocery": ("olive oil", "coupons", "soy sauce", "laundry detergent"),
    "health": ("vitamins", "blood pressure", "probiotics", "ginseng"),
    "pets": ("cat litter", "dog treats", "kittens", "pet grooming"),
}
_CHINESE: dict[Sort, tuple[str, ...]] = {
    "tell": (
        "{}真不错，推荐给大家",
        "今天看了{}，很满意",
        "周末去店里看看{}",
        "分享一下我家的{}心得",
        "最近在研究{}，越来越有意思",
        "昨天试了试{}，下次还来",
        "说到{}，我最有发言权😄",
    ),
    "ask": ("请问{}哪种比较好？", "大家平时{}都怎么弄？", "有人懂{}吗？", "新手想了解{}，求推荐", "店里的{}怎么样？"),
    "answer": ("{}这块我有经验，可以问我", "同意，{}确实这样", "谢谢，关于{}学到了", "我家也是，{}放心选"),
}
_ENGLISH: dict[Sort, tuple[str, ...]] = {
    "tell": ("Quite happy with my {} today", "Sharing a few thoughts on {}"),
    "ask": ("Any tips on {}?",),
    "answer": ("Same here, {} works for me",),
}
_SMALL_TALK: dict[Sort, tuple[str, ...]] = {
    "tell": ("早上好", "大家好", "今天天气不错", "周末愉快", "晚安，明天见", "新人报到，请多关照", "Good morning"),
    "ask": ("大家周末有什么安排？", "店里今天几点关门？", "有人在吗？"),
    "answer": ("哈哈哈", "谢谢", "收到", "好的👌", "说得对", "Thanks"),
}
_PRICES = {"baby": 9_900, "beauty": 7_900, "fitness": 5_900, "food": 2_500, "garden": 3_200, "grocery": 1_800}
_PRICES |= {"health": 4_800, "pets": 4_200}
PRODUCTS_PER_TOPIC = 12
LEAVE_REASONS = ("搬家了", "消息太多", "不常来了", "no longer interested")


class Product(NamedTuple):
    """A thing on the shelf; its category is a topic."""

    sku: str
    topic: int
    price_minor: int


def _texts(topic: str, sort: Sort) -> list[str]:
    chinese = [form.format(word) for form in _CHINESE[sort] for word in _WORDS[topic].split()]
    return chinese + [form.format(word) for form in _ENGLISH[sort] for word in _ENGLISH_WORDS[topic]]


SORTS: tuple[Sort, ...] = ("tell", "ask", "answer")
# TEXTS[topic][sort]: what may be said; the last row is small talk.
TEXTS = [*([_texts(topic, sort) for sort in SORTS] for topic in TOPICS), [list(_SMALL_TALK[sort]) for sort in SORTS]]
# Every text as JSON, one list, so that a message is an index into it.
TEXT_JSON = [json.dumps(text, ensure_ascii=False) for row in TEXTS for texts in row for text in texts]
TEXT_COUNTS = [[len(texts) for texts in row] for row in TEXTS]
PRODUCTS = [
    Product(f"{topic}-{number:02}", place, _PRICES[topic] * (number + 3) // 6 // 10 * 10)
    for place, topic in enumerate(TOPICS)
    for number in range(PRODUCTS_PER_TOPIC)
]
