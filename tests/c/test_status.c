#include "harness.h"

static void every_code_has_a_line_and_a_name(void)
{
    static const bulla_status CODES[] = {
        BULLA_OK,           BULLA_INVALID_INPUT, BULLA_BUFFER_TOO_SMALL, BULLA_INTERNAL,   BULLA_MALFORMED,
        BULLA_NOT_AUTHENTIC, BULLA_REPLAYED,     BULLA_CONTENT_DIFFERS,  BULLA_GUARD_FULL, BULLA_AGAIN,
        BULLA_NOTHING,      BULLA_TOO_LARGE,     BULLA_NO_ROOM,          BULLA_MORE,
    };
    size_t at;

    for (at = 0; at < sizeof CODES / sizeof CODES[0]; at++) {
        CHECK(strlen(bulla_status_text(CODES[at])) > 0);
        CHECK(strchr(bulla_status_text(CODES[at]), '\n') == NULL);
        CHECK(strcmp(bulla_status_name(CODES[at]), "Unknown") != 0);
    }
    CHECK(strcmp(bulla_status_name(BULLA_NOT_AUTHENTIC), "NotAuthentic") == 0);
}

static void unknown_codes_have_a_text_too(void)
{
    CHECK(strcmp(bulla_status_name(-1), "Unknown") == 0);
    CHECK(strcmp(bulla_status_name(INT32_MAX), "Unknown") == 0);
    CHECK(strlen(bulla_status_text(INT32_MIN)) > 0);
}

static void header_and_library_agree(void)
{
    CHECK(strcmp(bulla_version(), BULLA_VERSION) == 0);
    CHECK(bulla_abi_version() == BULLA_ABI_VERSION);
    CHECK(BULLA_VERSION_NUMBER == BULLA_VERSION_MAJOR * 1000000 + BULLA_VERSION_MINOR * 1000 + BULLA_VERSION_PATCH);
}

static void features_are_told(void)
{
    CHECK(bulla_has_feature("keyfile") == 1);
    CHECK(bulla_has_feature("no such") == 0);
    CHECK(bulla_has_feature(NULL) == 0);
}

static void values_have_the_layout_that_was_promised(void)
{
    CHECK(sizeof(bulla_digest) == 32);
    CHECK(sizeof(bulla_key) == 32);
    CHECK(sizeof(bulla_message_id) == 16);
    CHECK(sizeof(bulla_sent) == 16 + 3 * 32 + 3 * 8 + 8);
    CHECK(sizeof(bulla_error) == 4 + 1 + 32 + BULLA_ERROR_TEXT + 3);
}

const struct test test_status[] = {
    {"every code has a line and a name", every_code_has_a_line_and_a_name},
    {"unknown codes have a text too", unknown_codes_have_a_text_too},
    {"header and library agree", header_and_library_agree},
    {"features are told", features_are_told},
    {"values have the layout that was promised", values_have_the_layout_that_was_promised},
    END,
};
