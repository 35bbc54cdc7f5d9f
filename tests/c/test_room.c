#include "harness.h"

enum { LONG = 300000 };
static uint8_t long_content[LONG], memory[LONG];

static void seal_long(struct world *world)
{
    size_t at;

    for (at = 0; at < LONG; at++)
        long_content[at] = (uint8_t)(at * 7 + at / 251);
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, world->draft, long_content, LONG, world->envelope, NULL, &error));
}

/* A buffer over the first bytes of the memory. */
static bulla_buffer *wrap(size_t capacity)
{
    bulla_buffer *buffer = NULL;

    OK(bulla_buffer_wrap(memory, capacity, &buffer, &error));
    return buffer;
}

/* The end waits for a buffer that has room for it, and only then is the message claimed. */
static void the_end_of_a_stream_waits_for_room(void)
{
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_message *message = NULL;
    bulla_buffer *little;
    int way;

    begin(&world);
    for (way = 0; way < 2; way++) {
        seal_long(&world);
        bulla_buffer_clear(world.content);
        OK(bulla_open_stream_new(world.opener, &stream, &error));
        OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope),
                                                world.content, &error));
        CHECK(bulla_buffer_length(world.content) < LONG); /* the last chunk is held back */
        little = wrap(10);
        if (way == 0)
            UNTOUCHED(BULLA_BUFFER_TOO_SMALL, message, bulla_open_stream_finish(stream, little, &message, &error));
        else
            FAILS(BULLA_BUFFER_TOO_SMALL, bulla_open_stream_settle_provisional(stream, little, &error));
        CHECK(bulla_buffer_length(little) == 0);
        bulla_buffer_free(little);
        OK(bulla_open_stream_finish(stream, world.content, &message, &error));
        CHECK(bulla_message_content_length(message) == LONG && holds(world.content, long_content, LONG));
        bulla_message_free(message);
        bulla_open_stream_free(stream);
    }
    end(&world);
}

/* What had no room is gone: what follows must not pass for the whole. */
static void a_stream_with_a_hole_ends(void)
{
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_seal_stream *sealing = NULL;
    bulla_message *message;
    bulla_lease *lease;
    bulla_answer *again;
    bulla_buffer *little = wrap(10);
    const uint8_t *bytes;
    size_t length;

    begin(&world);
    seal_long(&world);
    bytes = bulla_buffer_data(world.envelope);
    length = bulla_buffer_length(world.envelope);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    FAILS(BULLA_BUFFER_TOO_SMALL, bulla_open_stream_update_provisional(stream, bytes, length / 2, little, &error));
    FAILS(BULLA_WRONG_ORDER,
          bulla_open_stream_update_provisional(stream, bytes + length / 2, length - length / 2, world.content, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_open_stream_settle_provisional(stream, world.content, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, lease, bulla_open_stream_finish_leased(stream, 60, world.content, &lease, &again, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, message, bulla_open_stream_finish(stream, world.content, &message, &error));
    CHECK(bulla_buffer_length(world.content) == 0);
    bulla_open_stream_free(stream);

    bulla_buffer_clear(world.content);
    OK(bulla_seal_stream_new(world.sealer, world.draft, BULLA_LENGTH_UNKNOWN, world.content, &sealing, &error));
    FAILS(BULLA_BUFFER_TOO_SMALL, bulla_seal_stream_update(sealing, long_content, LONG, little, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_update(sealing, long_content, LONG, world.content, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_finish(sealing, world.content, NULL, &error));
    bulla_seal_stream_free(sealing);
    bulla_buffer_free(little);
    end(&world);
}

/* The envelope lies in the buffer that its content is to be appended to. */
static void what_a_buffer_holds_may_be_the_input(void)
{
    struct world world;
    bulla_message *message = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_buffer *both;
    size_t length;
    int way;

    begin(&world);
    for (way = 0; way < 3; way++) {
        seal_long(&world);
        both = world.envelope;
        length = bulla_buffer_length(both);
        if (way == 0) {
            OK(bulla_open(world.opener, bulla_buffer_data(both), length, both, &message, &error));
            bulla_message_free(message);
        } else if (way == 1) {
            OK(bulla_open_leased(world.opener, bulla_buffer_data(both), length, 60, both, &lease, &again, &error));
            bulla_lease_free(lease);
        } else {
            bulla_open_stream *stream = NULL;

            OK(bulla_open_stream_new(world.opener, &stream, &error));
            OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(both), length, both, &error));
            OK(bulla_open_stream_finish(stream, both, &message, &error));
            bulla_message_free(message);
            bulla_open_stream_free(stream);
        }
        CHECK(bulla_buffer_length(both) == length + LONG);
        CHECK(memcmp(bulla_buffer_data(both) + length, long_content, LONG) == 0);
    }
    end(&world);
}

const struct test test_room[] = {
    {"the end of a stream waits for room", the_end_of_a_stream_waits_for_room},
    {"a stream with a hole ends", a_stream_with_a_hole_ends},
    {"what a buffer holds may be the input", what_a_buffer_holds_may_be_the_input},
    END,
};
