#include "harness.h"

static void what_is_too_long_is_refused(void)
{
    struct world world;
    bulla_draft *draft;
    uint8_t bytes[4097] = {0};
    char text[300];

    begin(&world);
    memset(text, 'x', sizeof text);
    text[299] = '\0';
    UNTOUCHED(BULLA_INVALID_INPUT, draft, bulla_draft_new(text, &draft, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, draft, bulla_draft_new("", &draft, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, draft, bulla_draft_new("a\nb", &draft, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, draft, bulla_draft_new("\xc3", &draft, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_content_type(world.draft, text, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_content_type(world.draft, "", &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_attribute(world.draft, text, bytes, 1, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_attribute(world.draft, "name", bytes, 4097, &error));
    OK(bulla_draft_attribute(world.draft, "name", bytes, 4096, &error));
    OK(bulla_draft_attribute(world.draft, "empty", NULL, 0, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_sequence(world.draft, bytes, 65, 1, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_sequence(world.draft, NULL, 0, 1, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_draft_ask_receipts(world.draft, 8, world.alice_public, &error));
    end(&world);
}

static void at_most_64_attributes(void)
{
    struct world world;
    char name[16];
    int at;

    begin(&world);
    for (at = 0; at < 64; at++) {
        snprintf(name, sizeof name, "a%d", at);
        OK(bulla_draft_attribute(world.draft, name, HELLO, sizeof HELLO, &error));
    }
    FAILS(BULLA_INVALID_INPUT, bulla_draft_attribute(world.draft, "one more", HELLO, sizeof HELLO, &error));
    OK(bulla_draft_attribute(world.draft, "a7", NULL, 0, &error));
    end(&world);
}

static void the_same_message_is_sealed_again(void)
{
    struct world world;
    bulla_sent first, second;
    bulla_message *message = NULL;

    begin(&world);
    seal_hello(&world, &first);
    OK(bulla_draft_again(world.draft, &first, &error));
    seal_hello(&world, &second);
    CHECK(memcmp(&first.message_id, &second.message_id, sizeof first.message_id) == 0);
    CHECK(memcmp(&first.header_digest, &second.header_digest, sizeof first.header_digest) != 0);
    CHECK(first.issued == second.issued);
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    UNTOUCHED(BULLA_REPLAYED, message, open_it(&world, world.opener, &message));
    end(&world);
}

static void each_message_has_an_id_of_its_own(void)
{
    struct world world;
    bulla_sent first, second;

    begin(&world);
    seal_hello(&world, &first);
    seal_hello(&world, &second);
    CHECK(memcmp(&first.message_id, &second.message_id, sizeof first.message_id) != 0);
    end(&world);
}

const struct test test_draft[] = {
    {"what is too long is refused", what_is_too_long_is_refused},
    {"at most 64 attributes", at_most_64_attributes},
    {"the same message is sealed again", the_same_message_is_sealed_again},
    {"each message has an id of its own", each_message_has_an_id_of_its_own},
    END,
};
