#include "harness.h"

static int is(bulla_view view, const char *text)
{
    return view.length == strlen(text) && memcmp(view.data, text, view.length) == 0;
}

static void everything_that_was_signed_is_told(void)
{
    struct world world;
    bulla_message *message = NULL;
    const bulla_stamp *stamp;
    bulla_sent sent;
    bulla_key key;
    bulla_message_id id;
    bulla_view name, value;
    uint64_t number;

    begin(&world);
    OK(bulla_draft_content_type(world.draft, "text/plain", &error));
    OK(bulla_draft_attribute(world.draft, "name", HELLO, sizeof HELLO, &error));
    OK(bulla_draft_sequence(world.draft, HELLO, 2, 7, &error));
    OK(bulla_draft_expires_in(world.draft, 100, &error));
    OK(bulla_draft_ask_receipts(world.draft, BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED, world.alice_public, &error));
    seal_hello(&world, &sent);
    OK(open_it(&world, world.opener, &message));
    stamp = bulla_message_stamp(message);
    OK(bulla_stamp_signer(stamp, &key, &error));
    CHECK(memcmp(&key, &world.alice_key, sizeof key) == 0);
    OK(bulla_stamp_message_id(stamp, &id, &error));
    CHECK(memcmp(&id, &sent.message_id, sizeof id) == 0);
    CHECK(is(bulla_stamp_context(stamp), "test"));
    CHECK(is(bulla_stamp_content_type(stamp), "text/plain"));
    CHECK(bulla_stamp_issued(stamp) == sent.issued);
    OK(bulla_stamp_expires(stamp, &number, &error));
    CHECK(number == sent.issued + 100);
    OK(bulla_stamp_length(stamp, &number, &error));
    CHECK(number == sizeof HELLO);
    OK(bulla_stamp_sequence(stamp, &name, &number, &error));
    CHECK(is(name, "he") && number == 7);
    CHECK(bulla_stamp_receipts(stamp) == (BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED));
    CHECK(bulla_stamp_attribute_count(stamp) == 1);
    OK(bulla_stamp_attribute_at(stamp, 0, &name, &value, &error));
    CHECK(is(name, "name") && is(value, "hello"));
    UNTOUCHED(BULLA_INVALID_INPUT, name, bulla_stamp_attribute_at(stamp, 1, &name, &value, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, value, bulla_stamp_attribute_at(stamp, SIZE_MAX, &name, &value, &error));
    OK(bulla_stamp_attribute(stamp, "name", &value, &error));
    CHECK(is(value, "hello"));
    FAILS(BULLA_NOTHING, bulla_stamp_attribute(stamp, "other", &value, &error));
    bulla_message_free(message);
    end(&world);
}

static void what_was_not_said_is_nothing(void)
{
    struct world world;
    bulla_message *message = NULL;
    const bulla_stamp *stamp;
    bulla_view view;
    uint64_t number;

    begin(&world);
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    stamp = bulla_message_stamp(message);
    CHECK(bulla_stamp_content_type(stamp).length == 0);
    UNTOUCHED(BULLA_NOTHING, number, bulla_stamp_expires(stamp, &number, &error));
    UNTOUCHED(BULLA_NOTHING, view, bulla_stamp_sequence(stamp, &view, &number, &error));
    CHECK(bulla_stamp_receipts(stamp) == 0 && bulla_stamp_attribute_count(stamp) == 0);
    bulla_message_free(message);
    end(&world);
}

const struct test test_stamp[] = {
    {"everything that was signed is told", everything_that_was_signed_is_told},
    {"what was not said is nothing", what_was_not_said_is_nothing},
    END,
};
