#include "harness.h"

static void what_was_sealed_is_opened_once(void)
{
    struct world world;
    bulla_message *message = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    CHECK(bulla_buffer_length(world.content) == sizeof HELLO);
    CHECK(memcmp(bulla_buffer_data(world.content), HELLO, sizeof HELLO) == 0);
    CHECK(bulla_message_is_fresh(message) == 1);
    bulla_message_free(message);
    UNTOUCHED(BULLA_REPLAYED, message, open_it(&world, world.opener, &message));
    CHECK(bulla_buffer_length(world.content) == 0);
    end(&world);
}

static void any_changed_byte_is_noticed(void)
{
    struct world world;
    bulla_message *message = NULL;
    uint8_t *changed;
    size_t length, at;

    begin(&world);
    seal_hello(&world, NULL);
    length = bulla_buffer_length(world.envelope);
    changed = malloc(length);
    for (at = 0; at < length; at++) {
        bulla_status status;

        memcpy(changed, bulla_buffer_data(world.envelope), length);
        changed[at] ^= 0x40;
        memset(&message, 0xA5, sizeof message);
        status = bulla_open(world.opener, changed, length, world.content, &message, &error);
        CHECK(status >= 20 && status < 40);
        still(__FILE__, __LINE__, "message", &message, sizeof message);
    }
    for (at = 0; at < length; at++) {
        bulla_status status = bulla_open(world.opener, changed, at, world.content, &message, &error);

        CHECK(status >= 20 && status < 40);
    }
    CHECK(bulla_buffer_length(world.content) == 0);
    free(changed);
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    end(&world);
}

static void what_is_no_envelope_is_malformed(void)
{
    struct world world;
    bulla_message *message;
    static const uint8_t TEXT[] = "Dear Sir or Madam, this is a letter and no envelope at all.";

    begin(&world);
    UNTOUCHED(BULLA_MALFORMED, message,
              bulla_open(world.opener, TEXT, sizeof TEXT, world.content, &message, &error));
    UNTOUCHED(BULLA_MALFORMED, message, bulla_open(world.opener, NULL, 0, world.content, &message, &error));
    end(&world);
}

static void others_cannot_open(void)
{
    struct world world;
    bulla_opener *opener = NULL;
    bulla_message *message;

    begin(&world);
    OK(bulla_opener_new(world.alice, world.policy, world.guard, &opener, &error));
    seal_hello(&world, NULL);
    UNTOUCHED(BULLA_NOT_FOR_ME, message, open_it(&world, opener, &message));
    bulla_opener_free(opener);
    end(&world);
}

static void a_buffer_that_is_too_small_loses_nothing(void)
{
    struct world world;
    bulla_buffer *wrapped = NULL;
    bulla_message *message = NULL;
    static uint8_t memory[4096];
    size_t length;

    begin(&world);
    seal_hello(&world, NULL);
    length = bulla_buffer_length(world.envelope);
    OK(bulla_buffer_wrap(memory, length - 1, &wrapped, &error));
    UNTOUCHED(BULLA_BUFFER_TOO_SMALL, message,
              bulla_open(world.opener, bulla_buffer_data(world.envelope), length, wrapped, &message, &error));
    bulla_buffer_free(wrapped);
    OK(bulla_buffer_wrap(memory, length, &wrapped, &error));
    OK(bulla_open(world.opener, bulla_buffer_data(world.envelope), length, wrapped, &message, &error));
    CHECK(bulla_buffer_length(wrapped) == sizeof HELLO && memcmp(memory, HELLO, sizeof HELLO) == 0);
    bulla_message_free(message);
    bulla_buffer_free(wrapped);
    end(&world);
}

static void an_archive_is_read_again_and_says_so(void)
{
    struct world world;
    bulla_opener *archive = NULL;
    bulla_message *message = NULL;
    int at;

    begin(&world);
    OK(bulla_opener_new_archive(world.bob, world.policy, &archive, &error));
    seal_hello(&world, NULL);
    for (at = 0; at < 2; at++) {
        OK(open_it(&world, archive, &message));
        CHECK(bulla_message_is_fresh(message) == 0);
        bulla_message_free(message);
    }
    bulla_opener_free(archive);
    OK(bulla_verifier_new_archive(world.policy, &archive, &error));
    bulla_buffer_clear(world.envelope);
    OK(bulla_sign(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, NULL, &error));
    OK(open_it(&world, archive, &message));
    CHECK(bulla_message_is_fresh(message) == 0);
    bulla_message_free(message);
    bulla_opener_free(archive);
    end(&world);
}

static void readers_with_names_of_their_own_accept_each_once(void)
{
    struct world world;
    bulla_opener *other = NULL;
    bulla_message *message = NULL;

    begin(&world);
    OK(bulla_opener_new(world.bob, world.policy, world.guard, &other, &error));
    OK(bulla_opener_reader_name(other, "second", &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    OK(open_it(&world, other, &message));
    bulla_message_free(message);
    UNTOUCHED(BULLA_REPLAYED, message, open_it(&world, other, &message));
    bulla_opener_free(other);
    end(&world);
}

static void evidence_is_given(void)
{
    struct world world;
    bulla_message *message = NULL;
    bulla_digest digest;
    bulla_sent sent;

    begin(&world);
    seal_hello(&world, &sent);
    OK(open_it(&world, world.opener, &message));
    OK(bulla_message_content_digest(message, &digest, &error));
    CHECK(memcmp(&digest, &sent.content_digest, sizeof digest) == 0);
    OK(bulla_message_header_digest(message, &digest, &error));
    CHECK(memcmp(&digest, &sent.header_digest, sizeof digest) == 0);
    bulla_buffer_clear(world.content);
    OK(bulla_message_evidence(message, world.content, &error));
    CHECK(bulla_buffer_length(world.content) > 100);
    bulla_message_free(message);
    end(&world);
}

const struct test test_open[] = {
    {"what was sealed is opened once", what_was_sealed_is_opened_once},
    {"any changed byte is noticed", any_changed_byte_is_noticed},
    {"what is no envelope is malformed", what_is_no_envelope_is_malformed},
    {"others cannot open", others_cannot_open},
    {"a buffer that is too small loses nothing", a_buffer_that_is_too_small_loses_nothing},
    {"an archive is read again, and says so", an_archive_is_read_again_and_says_so},
    {"readers with names of their own accept each once", readers_with_names_of_their_own_accept_each_once},
    {"evidence is given", evidence_is_given},
    END,
};
