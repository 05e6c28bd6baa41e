"""`python -m tests.console.mail_pictures`: the mails as a phone shows them, light and dark, for the documentation."""

from typing import Final

from operations import mail_samples
from services.notification.domain.mails import Shop
from tests.console.screenshots import IMAGES
from tests.support.browser import launched

SHOP: Final = Shop("Blue Note Records", "help@example.com", "https://track.example.com/{tracking}")
PHONE: Final = {"width": 390, "height": 700}
SCHEMES: Final = ("light", "dark")


def main() -> None:
    """Write a picture of each kind of mail in both themes."""
    with launched() as browser:
        for kind in mail_samples.KINDS:
            for scheme in SCHEMES:
                page = browser.new_page(viewport=PHONE, color_scheme=scheme)  # type: ignore[arg-type]
                page.set_content(mail_samples.compose(kind, SHOP, "US").html)
                page.screenshot(path=IMAGES / f"mail-{kind}-{scheme}.png", full_page=True)
                page.close()


if __name__ == "__main__":
    main()
