#include "harness.h"

static void a_sealer_needs_recipients_each_once(void)
{
    struct world world;
    bulla_sent sent;

    begin(&world);
    OK(bulla_sealer_to_nobody(world.sealer, &error));
    UNTOUCHED(BULLA_NO_RECIPIENT, sent,
              bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, &sent, &error));
    OK(bulla_sealer_to(world.sealer, world.bob_public, &error));
    OK(bulla_sealer_to(world.sealer, world.bob_public, &error));
    UNTOUCHED(BULLA_DUPLICATE_RECIPIENT, sent,
              bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, &sent, &error));
    CHECK(bulla_buffer_length(world.envelope) == 0);
    end(&world);
}

static void all_recipients_open_the_same_envelope(void)
{
    struct world world;
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;

    begin(&world);
    OK(bulla_sealer_to(world.sealer, world.alice_public, &error));
    OK(bulla_sealer_decoys(world.sealer, 3, &error));
    OK(bulla_sealer_extra_entropy(world.sealer, HELLO, sizeof HELLO, &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    OK(bulla_policy_allow_own(world.policy, 1, &error));
    OK(bulla_opener_new(world.alice, world.policy, world.guard, &opener, &error));
    OK(open_it(&world, opener, &message));
    bulla_message_free(message);
    bulla_opener_free(opener);
    end(&world);
}

static void a_buffer_of_the_callers_is_filled_exactly(void)
{
    struct world world;
    bulla_buffer *wrapped = NULL;
    bulla_sent sent;
    static uint8_t memory[4096];
    size_t length, room, at;

    begin(&world);
    seal_hello(&world, NULL);
    length = bulla_buffer_length(world.envelope);
    CHECK(length < sizeof memory);
    for (room = length - 2; room <= length; room++) {
        memset(memory, 0xA5, sizeof memory);
        OK(bulla_buffer_wrap(memory, room, &wrapped, &error));
        if (room < length)
            UNTOUCHED(BULLA_BUFFER_TOO_SMALL, sent,
                      bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, wrapped, &sent, &error));
        else
            OK(bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, wrapped, NULL, &error));
        for (at = room < length ? 0 : length; at < sizeof memory; at++)
            CHECK(memory[at] == 0xA5);
        bulla_buffer_free(wrapped);
    }
    end(&world);
}

static void padding_hides_the_length(void)
{
    static const uint8_t CONTENT[1000];
    struct world world;
    size_t padded;

    begin(&world);
    OK(bulla_seal(world.sealer, world.draft, CONTENT, 990, world.envelope, NULL, &error));
    padded = bulla_buffer_length(world.envelope);
    bulla_buffer_clear(world.envelope);
    OK(bulla_seal(world.sealer, world.draft, CONTENT, 985, world.envelope, NULL, &error));
    CHECK(padded == bulla_buffer_length(world.envelope));
    bulla_buffer_clear(world.envelope);
    OK(bulla_sealer_padding(world.sealer, BULLA_PADDING_NONE, &error));
    OK(bulla_seal(world.sealer, world.draft, CONTENT, 985, world.envelope, NULL, &error));
    CHECK(padded > bulla_buffer_length(world.envelope));
    FAILS(BULLA_INVALID_INPUT, bulla_sealer_padding(world.sealer, 7, &error));
    end(&world);
}

static void a_session_is_its_senders_alone(void)
{
    struct world world;
    bulla_session *session = NULL;
    bulla_message *message = NULL;
    int at;

    begin(&world);
    OK(bulla_session_new(world.alice, &session, &error));
    OK(bulla_sealer_session(world.sealer, session, &error));
    OK(bulla_opener_cache(world.opener, 4, &error));
    for (at = 0; at < 3; at++) {
        seal_hello(&world, NULL);
        OK(open_it(&world, world.opener, &message));
        bulla_message_free(message);
    }
    bulla_session_free(session);
    OK(bulla_session_new(world.bob, &session, &error));
    OK(bulla_sealer_session(world.sealer, session, &error));
    FAILS(BULLA_SESSION_OVER, bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, NULL, &error));
    bulla_session_free(session);
    end(&world);
}

static void signed_content_stays_readable(void)
{
    struct world world;
    bulla_message *message = NULL;
    const uint8_t *at;
    size_t length;

    begin(&world);
    OK(bulla_sign(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, NULL, &error));
    at = bulla_buffer_data(world.envelope);
    length = bulla_buffer_length(world.envelope);
    while (length >= sizeof HELLO && memcmp(at, HELLO, sizeof HELLO) != 0)
        at++, length--;
    CHECK(length >= sizeof HELLO);
    UNTOUCHED(BULLA_WRONG_KIND, message, open_it(&world, world.opener, &message));
    OK(open_it(&world, world.verifier, &message));
    CHECK(bulla_buffer_length(world.content) == sizeof HELLO);
    bulla_message_free(message);
    end(&world);
}

static void detached_envelopes_need_their_content(void)
{
    struct world world;
    bulla_message *message = NULL;
    const uint8_t *envelope;
    size_t length;

    begin(&world);
    OK(bulla_sign_detached(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, NULL, &error));
    envelope = bulla_buffer_data(world.envelope);
    length = bulla_buffer_length(world.envelope);
    UNTOUCHED(BULLA_NOT_AUTHENTIC, message,
              bulla_verify_detached(world.verifier, envelope, length, HELLO, 4, &message, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, message,
              bulla_verify_detached(world.opener, envelope, length, HELLO, sizeof HELLO, &message, &error));
    UNTOUCHED(BULLA_WRONG_KIND, message, open_it(&world, world.verifier, &message));
    OK(bulla_verify_detached(world.verifier, envelope, length, HELLO, sizeof HELLO, &message, &error));
    CHECK(bulla_message_content_length(message) == sizeof HELLO);
    bulla_message_free(message);
    UNTOUCHED(BULLA_REPLAYED, message,
              bulla_verify_detached(world.verifier, envelope, length, HELLO, sizeof HELLO, &message, &error));
    end(&world);
}

static void content_may_be_empty(void)
{
    struct world world;
    bulla_message *message = NULL;

    begin(&world);
    OK(bulla_seal(world.sealer, world.draft, NULL, 0, world.envelope, NULL, &error));
    OK(open_it(&world, world.opener, &message));
    CHECK(bulla_buffer_length(world.content) == 0 && bulla_message_content_length(message) == 0);
    bulla_message_free(message);
    end(&world);
}

const struct test test_seal[] = {
    {"a sealer needs recipients, each once", a_sealer_needs_recipients_each_once},
    {"all recipients open the same envelope", all_recipients_open_the_same_envelope},
    {"a buffer of the caller's is filled exactly", a_buffer_of_the_callers_is_filled_exactly},
    {"padding hides the length", padding_hides_the_length},
    {"a session is its sender's alone", a_session_is_its_senders_alone},
    {"signed content stays readable", signed_content_stays_readable},
    {"detached envelopes need their content", detached_envelopes_need_their_content},
    {"content may be empty", content_may_be_empty},
    END,
};
