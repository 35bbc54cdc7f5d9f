#include "harness.h"

static void a_new_buffer_is_empty(void)
{
    bulla_buffer *buffer;

    OK(bulla_buffer_new(&buffer, &error));
    CHECK(bulla_buffer_length(buffer) == 0);
    CHECK(bulla_buffer_data(buffer) == NULL);
    bulla_buffer_clear(buffer);
    bulla_buffer_free(buffer);
    FAILS(BULLA_INVALID_INPUT, bulla_buffer_new(NULL, &error));
}

static void calls_append(void)
{
    struct world world;
    bulla_buffer *line;
    size_t once;

    begin(&world);
    OK(bulla_buffer_new(&line, &error));
    OK(bulla_public_line(world.bob_public, line, &error));
    once = bulla_buffer_length(line);
    CHECK(once > 6 && memcmp(bulla_buffer_data(line), "bulla1", 6) == 0);
    OK(bulla_public_line(world.bob_public, line, &error));
    CHECK(bulla_buffer_length(line) == 2 * once);
    CHECK(memcmp(bulla_buffer_data(line), bulla_buffer_data(line) + once, once) == 0);
    bulla_buffer_clear(line);
    CHECK(bulla_buffer_length(line) == 0);
    bulla_buffer_free(line);
    end(&world);
}

static void memory_of_the_caller_is_used_to_its_last_byte_and_no_further(void)
{
    struct world world;
    bulla_buffer *whole, *wrapped;
    uint8_t memory[1200];
    size_t length, room, at;

    begin(&world);
    OK(bulla_buffer_new(&whole, &error));
    OK(bulla_public_line(world.bob_public, whole, &error));
    length = bulla_buffer_length(whole);
    for (room = 0; room <= length; room++) {
        memset(memory, 0xA5, sizeof memory);
        OK(bulla_buffer_wrap(memory, room, &wrapped, &error));
        if (room < length)
            FAILS(BULLA_BUFFER_TOO_SMALL, bulla_public_line(world.bob_public, wrapped, &error));
        else
            OK(bulla_public_line(world.bob_public, wrapped, &error));
        CHECK(bulla_buffer_length(wrapped) == (room < length ? 0 : length));
        for (at = room < length ? 0 : length; at < sizeof memory; at++)
            CHECK(memory[at] == 0xA5);
        bulla_buffer_free(wrapped);
    }
    CHECK(memcmp(memory, bulla_buffer_data(whole), length) == 0);
    bulla_buffer_free(whole);
    end(&world);
}

static void clearing_wipes_memory_of_the_caller(void)
{
    struct world world;
    bulla_buffer *wrapped;
    uint8_t memory[1024];
    size_t at;

    begin(&world);
    OK(bulla_buffer_wrap(memory, sizeof memory, &wrapped, &error));
    OK(bulla_public_line(world.bob_public, wrapped, &error));
    CHECK(bulla_buffer_data(wrapped) == memory);
    at = bulla_buffer_length(wrapped);
    bulla_buffer_clear(wrapped);
    while (at > 0)
        CHECK(memory[--at] == 0);
    bulla_buffer_free(wrapped);
    end(&world);
}

static void impossible_memory_is_refused(void)
{
    bulla_buffer *wrapped;
    uint8_t byte;

    UNTOUCHED(BULLA_INVALID_INPUT, wrapped, bulla_buffer_wrap(NULL, 1, &wrapped, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, wrapped, bulla_buffer_wrap(&byte, SIZE_MAX, &wrapped, &error));
    OK(bulla_buffer_wrap(NULL, 0, &wrapped, &error));
    CHECK(bulla_buffer_data(wrapped) == NULL);
    bulla_buffer_free(wrapped);
}

const struct test test_buffer[] = {
    {"a new buffer is empty", a_new_buffer_is_empty},
    {"calls append", calls_append},
    {"memory of the caller is used to its last byte and no further", memory_of_the_caller_is_used_to_its_last_byte_and_no_further},
    {"clearing wipes memory of the caller", clearing_wipes_memory_of_the_caller},
    {"impossible memory is refused", impossible_memory_is_refused},
    END,
};
