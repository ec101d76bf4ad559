"""How hard invalid activity and accounts of one person are to recognise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDifficulty:
    """How hard it is to recognise the accounts of one person.

    Args:
        missing_rate: chance that an account lacks a field.
        typo_rate: chance that a field has a typing error.
        change_rate: chance that phone, mail or address differ in a later account.
        household_share: share of people who live in twos, with one address and surname; half of
            these share a phone.
        recycled_phone_rate: chance that an account has a phone number that was someone else's.
        shared_device_rate: chance that both people of a household use its device.
        resold_device_rate: chance that a stranger owns a device after 60 days.
        lent_card_rate: chance that someone else shows a card.
        random_radio_rate: chance that a device shows another radio address at each visit.
    """

    missing_rate: float
    typo_rate: float
    change_rate: float
    household_share: float
    recycled_phone_rate: float
    shared_device_rate: float
    resold_device_rate: float
    lent_card_rate: float
    random_radio_rate: float


ACCOUNT_DIFFICULTIES = {
    "easy": AccountDifficulty(
        missing_rate=0.05,
        typo_rate=0.01,
        change_rate=0.05,
        household_share=0.1,
        recycled_phone_rate=0.002,
        shared_device_rate=0.05,
        resold_device_rate=0.005,
        lent_card_rate=0.01,
        random_radio_rate=0.1,
    ),
    "default": AccountDifficulty(
        missing_rate=0.15,
        typo_rate=0.04,
        change_rate=0.15,
        household_share=0.2,
        recycled_phone_rate=0.01,
        shared_device_rate=0.2,
        resold_device_rate=0.02,
        lent_card_rate=0.03,
        random_radio_rate=0.3,
    ),
    "hard": AccountDifficulty(
        missing_rate=0.35,
        typo_rate=0.1,
        change_rate=0.3,
        household_share=0.35,
        recycled_phone_rate=0.03,
        shared_device_rate=0.4,
        resold_device_rate=0.05,
        lent_card_rate=0.05,
        random_radio_rate=0.5,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDifficulty:
    """How much invalid activity looks like that of people.

    Args:
        accidental_dwell: median seconds on a page that was opened by accident.
        accidental_back: chance that the person returns to the page before, instead of going on.
        visits: pages that a bot visits on a day.
        visit_gap: median seconds between two of its pages.
        gap_spread: standard deviation of the logarithm of that gap.
        bot_cart_rate: chance that a bot puts a product into a cart.
        ring: accounts that place fake orders for one product.
        ring_days: days over which they do.
        devices: devices that a ring works with.
        shares_address: chance that an account of a ring states the ring's address.
        looks_first: chance that it looks at the product before.
        account_days: greatest age of its accounts in days.
    """

    accidental_dwell: float
    accidental_back: float
    visits: int
    visit_gap: float
    gap_spread: float
    bot_cart_rate: float
    ring: int
    ring_days: int
    devices: int
    shares_address: float
    looks_first: float
    account_days: int


ACTIVITY_DIFFICULTIES = {
    "easy": ActivityDifficulty(
        accidental_dwell=0.4,
        accidental_back=0.97,
        visits=400,
        visit_gap=2.0,
        gap_spread=0.1,
        bot_cart_rate=0.0,
        ring=25,
        ring_days=1,
        devices=2,
        shares_address=1.0,
        looks_first=0.02,
        account_days=4,
    ),
    "default": ActivityDifficulty(
        accidental_dwell=0.7,
        accidental_back=0.85,
        visits=200,
        visit_gap=12.0,
        gap_spread=0.5,
        bot_cart_rate=0.002,
        ring=14,
        ring_days=2,
        devices=4,
        shares_address=0.6,
        looks_first=0.2,
        account_days=25,
    ),
    "hard": ActivityDifficulty(
        accidental_dwell=1.1,
        accidental_back=0.6,
        visits=110,
        visit_gap=30.0,
        gap_spread=1.0,
        bot_cart_rate=0.01,
        ring=8,
        ring_days=4,
        devices=6,
        shares_address=0.3,
        looks_first=0.6,
        account_days=80,
    ),
}
