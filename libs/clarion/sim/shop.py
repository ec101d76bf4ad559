"""The shop file: customers, products, prices, channels, competitors, quality of the data."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError

Share = Field(ge=0, le=1)
BURN_IN_DAYS = 180  # days before the shop's start from which on its customers are followed


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """A text in both languages."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The text in a language."""
        return self.zh if language == "zh" else self.en


class Persona(_Strict):
    """How one type of customer behaves; each customer varies around it.

    Attributes:
        name: what tests call it; the shop does not know it.
        share: share of the customers.
        orders: orders in 28 days of a customer who has not dropped out.
        browsing: factor of the visits that end without an order.
        views: products looked at in a visit.
        cart: chance that a product looked at is put into the cart.
        lines: lines of an order.
        tier: the part of a category's price range it prefers, from 0 (cheapest) to 1.
        elasticity: per cent of demand lost for a price that is one per cent higher.
        drops: chance to drop out after the first order, and after each later one.
        click: logit of a click on a message that was delivered, before needs are counted.
        effect: logarithm of what a message multiplies the chance of an order with.
        effects: the same for single offers, by the offer's id.
        likes: departments it prefers (English names).
        live: share of its visits that come through a live stream or a social network.
    """

    name: str
    share: float = Share
    orders: float = Field(gt=0)
    browsing: float = Field(default=1.0, ge=0)
    views: float = Field(default=3.0, ge=1)
    cart: float = Field(default=0.12, ge=0, le=1)
    lines: float = Field(default=1.6, ge=1)
    tier: float = Field(default=0.5, ge=0, le=1)
    elasticity: float = Field(default=1.5, ge=0)
    drops: tuple[float, float]
    click: float
    effect: float
    effects: Mapping[str, float] = {}
    likes: tuple[str, ...] = ()
    live: float = Field(default=0.1, ge=0, le=1)


class Change(_Strict):
    """A share of a persona's customers become another persona, or leave, within some days.

    Attributes:
        persona: the persona whose customers change, whenever they joined.
        share: share of them that changes.
        from_day: first day of the change, counted from the shop's start.
        over_days: number of days over which the changes are spread evenly.
        becomes: the persona they behave as from then on; without it they leave.
    """

    persona: str
    share: float = Field(gt=0, le=1)
    from_day: int = Field(ge=0)
    over_days: int = Field(ge=1)
    becomes: str | None = None


class Category(_Strict):
    """A category of products.

    Attributes:
        category: its name.
        department: the department it belongs to.
        share: how much of the demand it has.
        price: lowest and highest list price, in the shop's currency.
        cycle: days until half of the need is back after an order.
        leads_to: categories (English names) that are more likely next after an order here.
        accessories: categories whose goods are bought with this one's or soon after.
        launches: products that are new in the year.
        nouns: what its products are called.
        words: words of its descriptions.
    """

    category: Text
    department: Text
    share: float = Field(gt=0)
    price: tuple[float, float]
    cycle: float = Field(gt=0)
    leads_to: tuple[str, ...] = ()
    accessories: tuple[str, ...] = ()
    launches: int = Field(default=0, ge=0)
    nouns: tuple[Text, ...] = Field(min_length=1)
    words: tuple[Text, ...] = Field(min_length=1)


class Channel(_Strict):
    """A marketing channel.

    Attributes:
        name: its name in the records.
        effect: logarithm of what a touch multiplies the chance of an order with, on its day; it
            halves every three days. 0 for a channel that causes nothing.
        rate: touches per customer and 28 days.
        follows: how much more often it meets customers who are about to buy anyway.
        cost: of a touch, in the shop's currency.
        asks: whether it reaches only those who consent to marketing.
    """

    name: str
    effect: float
    rate: float = Field(ge=0)
    follows: float = 0.0
    cost: float = Field(ge=0)
    asks: bool = False


class Festival(_Strict):
    """Days on which demand is higher and all products may be reduced.

    Attributes:
        name: its name.
        first: its first day, MM-DD.
        days: number of days.
        demand: factor of the demand.
        reduced: share that is taken off the price of promoted products.
    """

    name: str
    first: str = Field(pattern=r"^\d\d-\d\d$")
    days: int = Field(ge=1)
    demand: float = Field(gt=0)
    reduced: float = Field(default=0.0, ge=0, lt=1)


class Visits(_Strict):
    """How often customers come.

    Attributes:
        base: chance of a visit on a day without any need.
        per_order: visits for each order that is expected.
        visitors: visitors a day who never say who they are, per 1,000 customers.
        registers: share of the customers who were seen as visitors before they registered.
    """

    base: float = Field(default=0.005, ge=0, le=1)
    per_order: float = Field(default=24.0, ge=0)
    visitors: float = Field(default=10.0, ge=0)
    registers: float = Field(default=0.4, ge=0, le=1)


class Service(_Strict):
    """What may go wrong after or around an order.

    Attributes:
        returns: share of order lines that come back.
        late: share of orders that are delivered later than usual.
        delivery_days: days until an order usually arrives.
        payment_failures: share of orders before which a payment failed.
        reviews: share of order lines that are reviewed.
    """

    returns: float = Field(default=0.05, ge=0, le=1)
    late: float = Field(default=0.08, ge=0, le=1)
    delivery_days: float = Field(default=3.0, gt=0)
    payment_failures: float = Field(default=0.04, ge=0, le=1)
    reviews: float = Field(default=0.05, ge=0, le=1)


class Losses(_Strict):
    """Share of what clients send that never lands.

    Attributes:
        events: single events.
        sessions: whole visits.
        ends: visits whose last steps are missing.
    """

    events: float = Field(default=0.0, ge=0, lt=0.5)
    sessions: float = Field(default=0.0, ge=0, lt=0.5)
    ends: float = Field(default=0.0, ge=0, lt=0.5)


class Dirt(_Strict):
    """Share of order and event records with each kind of damage; a record has at most one."""

    duplicates: float = Field(ge=0, lt=0.2)
    bad_dates: float = Field(ge=0, lt=0.2)
    negative_prices: float = Field(ge=0, lt=0.2)
    unknown_products: float = Field(ge=0, lt=0.2)
    missing_ids: float = Field(ge=0, lt=0.2)


class InvalidActivity(_Strict):
    """Activity that no customer intended. It is added: what customers do stays as it is.

    With the defaults, 2 to 4 % of the views are accidental clicks, 1 to 3 % of the events are
    those of bots, and 0.5 to 1 % of the orders are fake; the README has what each shop has.

    Attributes:
        accidental_clicks: share of the views that lead to nothing after which the customer opens
            another product by accident.
        bots: visits of bots a day, per 1,000 customers.
        rings: rings of accounts that place fake orders, in 28 days, per 1,000 customers.
        hard_rings: share of the rings that look like people: older accounts, on devices and at
            addresses of their own, which look at the product first.
    """

    accidental_clicks: float = Field(default=0.045, ge=0, le=1)
    bots: float = Field(default=0.07, ge=0, le=100)
    rings: float = Field(default=0.11, ge=0, le=100)
    hard_rings: float = Field(default=0.3, ge=0, le=1)


class SecondAccounts(_Strict):
    """Customers who open a second account, under which some of their visits and orders run.

    Attributes:
        share: share of the customers.
        use: share of their visits after that which run under it.
        device: share of them who use a device of its own for it.
    """

    share: float = Field(default=0.04, ge=0, le=1)
    use: float = Field(default=0.4, ge=0, le=1)
    device: float = Field(default=0.5, ge=0, le=1)


class Variants(_Strict):
    """What products of a department come in; a product has one of each.

    Attributes:
        sizes: sizes as the shop writes them.
        colours: colours.
    """

    sizes: tuple[str, ...] = ()
    colours: tuple[Text, ...] = ()


class Shop(_Strict):
    """A whole shop.

    Attributes:
        spread: standard deviation of the logarithm of each customer's own rates.
        taste: standard deviation of the logarithm of a customer's liking of a category.
        response: standard deviation of the customers' own part in the effect of messages.
        annoyance: chance that a message of somebody who gets few makes them withdraw.
        benefit: face value of an offer whose effect is the declared one, in the shop's currency;
            a larger benefit has a larger effect, by its square root.
        variants: sizes and colours by department (English name).
    """

    name: Text
    language: Literal["en", "zh"]
    currency: str
    time_zone: str
    starts_on: date
    history_days: int = Field(gt=60)
    customers: int = Field(gt=0)
    products: int = Field(gt=0)
    spread: float = Field(default=0.5, ge=0)
    taste: float = Field(default=2.2, ge=0)
    response: float = Field(default=0.2, ge=0)
    annoyance: float = Field(default=0.002, ge=0, le=1)
    benefit: float = Field(gt=0)
    weekday: tuple[float, float, float, float, float, float, float]
    season: float = Field(ge=0, lt=1)
    no_collection: float = Field(ge=0, lt=1)
    no_marketing: float = Field(ge=0, lt=1)
    competitors: tuple[str, ...] = Field(min_length=1)
    visits: Visits = Visits()
    service: Service = Service()
    losses: Losses = Losses()
    dirt: Dirt
    festivals: tuple[Festival, ...] = ()
    channels: tuple[Channel, ...]
    personas: tuple[Persona, ...] = Field(min_length=1)
    categories: tuple[Category, ...] = Field(min_length=2)
    changes: tuple[Change, ...] = ()
    invalid_activity: InvalidActivity = InvalidActivity()
    second_accounts: SecondAccounts = SecondAccounts()
    variants: Mapping[str, Variants] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        personas = {persona.name for persona in self.personas}
        categories = {item.category.en for item in self.categories}
        departments = {item.department.en for item in self.categories}
        for change in self.changes:
            named = (change.persona, change.becomes or change.persona)
            _refuse_unknown("changes", named, "a persona", personas)
        for persona in self.personas:
            _refuse_unknown(
                f"personas: {persona.name}: likes", persona.likes, "a department", departments
            )
        _refuse_unknown("variants", self.variants, "a department", departments)
        for item in self.categories:
            where = f"categories: {item.category.en}"
            _refuse_unknown(where, (*item.leads_to, *item.accessories), "a category", categories)
        return self

    def persona_index(self, persona: str) -> int:
        """Index of a persona among the shop's personas."""
        return [item.name for item in self.personas].index(persona)

    def category_index(self, category: str) -> int:
        """Index of a category (English name) among the shop's categories."""
        return [item.category.en for item in self.categories].index(category)

    def local(self, text: Text) -> str:
        """A text in the shop's language."""
        return text.in_language(self.language)

    def day_number(self, day: date) -> int:
        """Days from the shop's start to a day."""
        return (day - self.starts_on).days


def _refuse_unknown(where: str, named: Iterable[str], what: str, names: set[str]) -> None:
    for name in named:
        if name not in names:
            raise ValueError(
                f"{where} names {name!r}, which is not {what} of this shop; "
                f"use one of {', '.join(sorted(names))}"
            )


def parse_shop(content: Mapping[str, Any], *, where: str) -> Shop:
    """The shop that a YAML file declares.

    Args:
        content: content of the file.
        where: name of the file, for messages.

    Raises:
        ConfigError: a key is unknown, a value is out of range, or a persona, department or
            category does not exist.
    """
    shop = parse_model(Shop, content, where=where)
    if sum(persona.share for persona in shop.personas) <= 0:
        raise ConfigError(
            f"{where}: no persona has customers",
            found="shares that sum to 0",
            fix="give personas a share above 0",
        )
    return shop
