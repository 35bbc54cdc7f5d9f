#include "harness.h"

static uint8_t long_content[300000];

static void fill(void)
{
    size_t at;

    for (at = 0; at < sizeof long_content; at++)
        long_content[at] = (uint8_t)(at * 7 + at / 251);
}

/* Seals the long content in pieces of `step` bytes. */
static void seal_in_pieces(struct world *world, uint64_t announced, size_t step)
{
    bulla_seal_stream *stream = NULL;
    size_t at;

    bulla_buffer_clear(world->envelope);
    OK(bulla_seal_stream_new(world->sealer, world->draft, announced, world->envelope, &stream, &error));
    for (at = 0; at < sizeof long_content; at += step) {
        size_t left = sizeof long_content - at;

        OK(bulla_seal_stream_update(stream, long_content + at, left < step ? left : step, world->envelope, &error));
    }
    OK(bulla_seal_stream_finish(stream, world->envelope, NULL, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_update(stream, HELLO, sizeof HELLO, world->envelope, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_finish(stream, world->envelope, NULL, &error));
    bulla_seal_stream_free(stream);
}

static void open_in_pieces(struct world *world, bulla_opener *opener, size_t step)
{
    bulla_open_stream *stream = NULL;
    bulla_message *message = NULL;
    size_t at, length = bulla_buffer_length(world->envelope);

    bulla_buffer_clear(world->content);
    OK(bulla_open_stream_new(opener, &stream, &error));
    CHECK(bulla_open_stream_stamp(stream) == NULL);
    for (at = 0; at < length; at += step)
        OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world->envelope) + at,
                                                length - at < step ? length - at : step, world->content, &error));
    CHECK(bulla_open_stream_stamp(stream) != NULL);
    OK(bulla_open_stream_finish(stream, world->content, &message, &error));
    CHECK(bulla_buffer_length(world->content) == sizeof long_content);
    CHECK(memcmp(bulla_buffer_data(world->content), long_content, sizeof long_content) == 0);
    FAILS(BULLA_WRONG_ORDER, bulla_open_stream_update_provisional(stream, HELLO, 1, world->content, &error));
    CHECK(bulla_open_stream_stamp(stream) == NULL);
    bulla_message_free(message);
    bulla_open_stream_free(stream);
}

static void pieces_of_any_length(void)
{
    struct world world;

    begin(&world);
    fill();
    seal_in_pieces(&world, BULLA_LENGTH_UNKNOWN, 1000);
    open_in_pieces(&world, world.opener, 777);
    seal_in_pieces(&world, sizeof long_content, 65536);
    open_in_pieces(&world, world.opener, 100000);
    seal_in_pieces(&world, sizeof long_content, sizeof long_content);
    open_in_pieces(&world, world.opener, sizeof long_content * 2);
    end(&world);
}

static void announced_lengths_are_kept(void)
{
    struct world world;
    bulla_seal_stream *stream = NULL;
    bulla_sent sent;

    begin(&world);
    OK(bulla_seal_stream_new(world.sealer, world.draft, 4, world.envelope, &stream, &error));
    FAILS(BULLA_LENGTH_MISMATCH, bulla_seal_stream_update(stream, HELLO, 5, world.envelope, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_finish(stream, world.envelope, NULL, &error));
    bulla_seal_stream_free(stream);
    OK(bulla_seal_stream_new(world.sealer, world.draft, 6, world.envelope, &stream, &error));
    OK(bulla_seal_stream_update(stream, HELLO, 5, world.envelope, &error));
    UNTOUCHED(BULLA_LENGTH_MISMATCH, sent, bulla_seal_stream_finish(stream, world.envelope, &sent, &error));
    bulla_seal_stream_free(stream);
    end(&world);
}

/* Padded in pieces it is what it would be at once, and no piece is long. */
static void padding_comes_in_pieces(void)
{
    enum { STEP = 65536, TIMES = 64 }; /* so long that its padding is more than one piece */
    struct world world;
    bulla_seal_stream *stream = NULL;
    bulla_buffer *piece = NULL;
    bulla_message *message;
    size_t at, whole = 0, pieces = 0, announced;

    begin(&world);
    fill();
    OK(bulla_buffer_new(&piece, &error));
    for (announced = 0; announced < 2; announced++) {
        uint64_t length = announced ? (uint64_t)STEP * TIMES + 1 : BULLA_LENGTH_UNKNOWN;

        OK(bulla_seal_stream_new(world.sealer, world.draft, length, piece, &stream, &error));
        bulla_buffer_clear(world.envelope);
        for (at = 0; at < TIMES; at++)
            OK(bulla_seal_stream_update(stream, long_content, STEP, piece, &error));
        OK(bulla_seal_stream_update(stream, long_content, 1, piece, &error));
        OK(bulla_buffer_append(world.envelope, bulla_buffer_data(piece), bulla_buffer_length(piece), &error));
        bulla_buffer_clear(piece);
        for (pieces = 0, before(); bulla_seal_stream_pad(stream, piece, &error) == BULLA_OK; pieces++) {
            CHECK(bulla_buffer_length(piece) <= 2 * STEP);
            OK(bulla_buffer_append(world.envelope, bulla_buffer_data(piece), bulla_buffer_length(piece), &error));
            bulla_buffer_clear(piece);
        }
        FAILS(BULLA_NOTHING, bulla_seal_stream_pad(stream, piece, &error));
        CHECK(bulla_buffer_length(piece) == 0);
        OK(bulla_seal_stream_finish(stream, piece, NULL, &error));
        CHECK(bulla_buffer_length(piece) < STEP);
        OK(bulla_buffer_append(world.envelope, bulla_buffer_data(piece), bulla_buffer_length(piece), &error));
        bulla_buffer_clear(piece);
        FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_pad(stream, piece, &error));
        bulla_seal_stream_free(stream);
        /* Without a length there is none. */
        CHECK(announced ? pieces > 1 && bulla_buffer_length(world.envelope) > whole + STEP : pieces == 1);
        whole = bulla_buffer_length(world.envelope);
        CHECK(open_it(&world, world.opener, &message) == BULLA_OK && bulla_buffer_length(world.content) == (size_t)STEP * TIMES + 1);
        bulla_message_free(message);
    }
    /* There is content to come, and then content too late. */
    OK(bulla_seal_stream_new(world.sealer, world.draft, 5, piece, &stream, &error));
    FAILS(BULLA_LENGTH_MISMATCH, bulla_seal_stream_pad(stream, piece, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_update(stream, HELLO, 5, piece, &error));
    bulla_seal_stream_free(stream);
    for (announced = 0; announced < 2; announced++) {
        OK(bulla_seal_stream_new(world.sealer, world.draft, announced ? 5 : BULLA_LENGTH_UNKNOWN, piece, &stream, &error));
        OK(bulla_seal_stream_update(stream, HELLO, 5, piece, &error));
        OK(bulla_seal_stream_pad(stream, piece, &error));
        FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_update(stream, HELLO, 0, piece, &error));
        bulla_seal_stream_free(stream);
    }
    bulla_buffer_free(piece);
    end(&world);
}

static void an_unfinished_envelope_opens_to_nobody(void)
{
    struct world world;
    bulla_seal_stream *stream = NULL;
    bulla_message *message;
    bulla_status status;

    begin(&world);
    OK(bulla_seal_stream_new(world.sealer, world.draft, BULLA_LENGTH_UNKNOWN, world.envelope, &stream, &error));
    OK(bulla_seal_stream_update(stream, HELLO, sizeof HELLO, world.envelope, &error));
    bulla_seal_stream_free(stream);
    memset(&message, 0xA5, sizeof message);
    status = open_it(&world, world.opener, &message);
    CHECK(status == BULLA_MALFORMED || status == BULLA_NOT_AUTHENTIC);
    still(__FILE__, __LINE__, "message", &message, sizeof message);
    end(&world);
}

static void a_cut_stream_is_never_finished(void)
{
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_message *message;
    bulla_status status;
    size_t length;

    begin(&world);
    fill();
    seal_in_pieces(&world, BULLA_LENGTH_UNKNOWN, 65536);
    length = bulla_buffer_length(world.envelope);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), length - 1, world.content, &error));
    memset(&message, 0xA5, sizeof message);
    status = bulla_open_stream_finish(stream, world.content, &message, &error);
    CHECK(status >= 20 && status < 40);
    still(__FILE__, __LINE__, "message", &message, sizeof message);
    bulla_open_stream_free(stream);
    open_in_pieces(&world, world.opener, 4096);
    end(&world);
}

static void a_host_can_settle_before_it_claims(void)
{
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_message *message = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope),
                                            world.content, &error));
    OK(bulla_open_stream_settle_provisional(stream, world.content, &error));
    CHECK(bulla_buffer_length(world.content) == sizeof HELLO);
    OK(bulla_open_stream_finish(stream, world.content, &message, &error));
    CHECK(bulla_buffer_length(world.content) == sizeof HELLO);
    bulla_message_free(message);
    bulla_open_stream_free(stream);
    end(&world);
}

/* Whatever memory the buffer is, and also where something was in it before. */
static void a_claim_that_fails_gives_no_content(void)
{
    struct world world;
    uint8_t memory[64];
    size_t kind;

    begin(&world);
    seal_hello(&world, NULL);
    for (kind = 0; kind < 4; kind++) {
        bulla_open_stream *stream = NULL;
        bulla_message *message = NULL;
        bulla_lease *lease = NULL;
        bulla_answer *again = NULL;
        bulla_buffer *rest = NULL;
        bulla_opener *archive = NULL;

        /* The first one is accepted. */
        if (kind == 0)
            OK(open_it(&world, world.opener, &message));
        bulla_message_free(message);
        if (kind % 2 == 0)
            OK(bulla_buffer_new(&rest, &error));
        else
            OK(bulla_buffer_wrap(memory, sizeof memory, &rest, &error));
        if (kind > 1)
            OK(bulla_buffer_append(rest, (const uint8_t *)"before", 6, &error));
        bulla_buffer_clear(world.content);
        OK(bulla_open_stream_new(world.opener, &stream, &error));
        OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope),
                                                world.content, &error));
        CHECK(bulla_buffer_length(world.content) == 0);
        UNTOUCHED(BULLA_REPLAYED, message, bulla_open_stream_finish(stream, rest, &message, &error));
        CHECK(holds(rest, "before", kind > 1 ? 6 : 0));
        UNTOUCHED(BULLA_WRONG_ORDER, message, bulla_open_stream_finish(stream, rest, &message, &error));
        bulla_open_stream_free(stream);

        /* Where no lease can be given, too: an archive has no guard. */
        OK(bulla_opener_new_archive(world.bob, world.policy, &archive, &error));
        OK(bulla_open_stream_new(archive, &stream, &error));
        OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope),
                                                world.content, &error));
        UNTOUCHED(BULLA_WRONG_ORDER, lease, bulla_open_stream_finish_leased(stream, 60, rest, &lease, &again, &error));
        CHECK(holds(rest, "before", kind > 1 ? 6 : 0));
        bulla_open_stream_free(stream);
        bulla_opener_free(archive);
        bulla_buffer_free(rest);
    }
    end(&world);
}

static void handles_may_be_freed_while_a_stream_goes_on(void)
{
    struct world world;
    bulla_seal_stream *sealing = NULL;
    bulla_open_stream *opening = NULL;
    bulla_message *message = NULL;
    bulla_buffer *envelope = NULL, *content = NULL;

    begin(&world);
    OK(bulla_buffer_new(&envelope, &error));
    OK(bulla_buffer_new(&content, &error));
    OK(bulla_seal_stream_new(world.sealer, world.draft, 5, envelope, &sealing, &error));
    OK(bulla_open_stream_new(world.opener, &opening, &error));
    end(&world);
    OK(bulla_seal_stream_update(sealing, HELLO, sizeof HELLO, envelope, &error));
    OK(bulla_seal_stream_finish(sealing, envelope, NULL, &error));
    OK(bulla_open_stream_update_provisional(opening, bulla_buffer_data(envelope), bulla_buffer_length(envelope), content, &error));
    OK(bulla_open_stream_finish(opening, content, &message, &error));
    bulla_open_stream_free(opening);
    CHECK(bulla_stamp_issued(bulla_message_stamp(message)) > 0);
    bulla_message_free(message);
    bulla_seal_stream_free(sealing);
    bulla_buffer_free(envelope);
    bulla_buffer_free(content);
}

static void signed_content_in_pieces(void)
{
    struct world world;
    bulla_seal_stream *stream = NULL;
    bulla_message *message = NULL;

    begin(&world);
    OK(bulla_sign_stream_new(world.sealer, world.draft, BULLA_LENGTH_UNKNOWN, world.envelope, &stream, &error));
    OK(bulla_seal_stream_update(stream, HELLO, sizeof HELLO, world.envelope, &error));
    OK(bulla_seal_stream_finish(stream, world.envelope, NULL, &error));
    bulla_seal_stream_free(stream);
    OK(open_it(&world, world.verifier, &message));
    bulla_message_free(message);
    end(&world);
}

static void detached_content_in_pieces(void)
{
    struct world world;
    bulla_detached_signer *signer = NULL;
    bulla_detached_stream *stream = NULL;
    bulla_message *message = NULL;
    const uint8_t *envelope;
    size_t length;

    begin(&world);
    OK(bulla_detached_signer_new(world.sealer, world.draft, &signer, &error));
    OK(bulla_detached_signer_update(signer, HELLO, 2, &error));
    OK(bulla_detached_signer_update(signer, HELLO + 2, 3, &error));
    OK(bulla_detached_signer_finish(signer, world.envelope, NULL, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_detached_signer_update(signer, HELLO, 2, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_detached_signer_finish(signer, world.envelope, NULL, &error));
    bulla_detached_signer_free(signer);
    envelope = bulla_buffer_data(world.envelope);
    length = bulla_buffer_length(world.envelope);
    UNTOUCHED(BULLA_WRONG_ORDER, stream, bulla_detached_stream_new(world.opener, envelope, length, &stream, &error));
    UNTOUCHED(BULLA_MALFORMED, stream, bulla_detached_stream_new(world.verifier, envelope, length / 2, &stream, &error));
    OK(bulla_detached_stream_new(world.verifier, envelope, length, &stream, &error));
    OK(bulla_detached_stream_update(stream, HELLO, 4, &error));
    UNTOUCHED(BULLA_NOT_AUTHENTIC, message, bulla_detached_stream_finish(stream, &message, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, message, bulla_detached_stream_finish(stream, &message, &error));
    bulla_detached_stream_free(stream);
    OK(bulla_detached_stream_new(world.verifier, envelope, length, &stream, &error));
    OK(bulla_detached_stream_update(stream, HELLO, 5, &error));
    OK(bulla_detached_stream_finish(stream, &message, &error));
    bulla_message_free(message);
    bulla_detached_stream_free(stream);
    end(&world);
}

const struct test test_stream[] = {
    {"pieces of any length", pieces_of_any_length},
    {"announced lengths are kept", announced_lengths_are_kept},
    {"padding comes in pieces", padding_comes_in_pieces},
    {"an unfinished envelope opens to nobody", an_unfinished_envelope_opens_to_nobody},
    {"a cut stream is never finished", a_cut_stream_is_never_finished},
    {"a host can settle before it claims", a_host_can_settle_before_it_claims},
    {"a claim that fails gives no content", a_claim_that_fails_gives_no_content},
    {"handles may be freed while a stream goes on", handles_may_be_freed_while_a_stream_goes_on},
    {"signed content in pieces", signed_content_in_pieces},
    {"detached content in pieces", detached_content_in_pieces},
    END,
};
