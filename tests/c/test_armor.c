#include "harness.h"

/* Text in pieces of this length, and back. */
static void there_and_back(const bulla_buffer *envelope, size_t piece)
{
    bulla_armor_writer *writer = NULL;
    bulla_armor_reader *reader = NULL;
    bulla_buffer *whole = NULL, *text = NULL, *back = NULL;
    const uint8_t *data = bulla_buffer_data(envelope);
    size_t at, length = bulla_buffer_length(envelope);

    OK(bulla_buffer_new(&whole, &error));
    OK(bulla_buffer_new(&text, &error));
    OK(bulla_buffer_new(&back, &error));
    OK(bulla_armor(BULLA_ARMOR_ENVELOPE, data, length, whole, &error));
    OK(bulla_armor_writer_new(BULLA_ARMOR_ENVELOPE, &writer, &error));
    for (at = 0; at < length; at += piece)
        OK(bulla_armor_writer_update(writer, data + at, length - at < piece ? length - at : piece, text, &error));
    OK(bulla_armor_writer_finish(writer, text, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_armor_writer_finish(writer, text, &error));
    CHECK(holds(text, bulla_buffer_data(whole), bulla_buffer_length(whole)));
    OK(bulla_armor_reader_new(BULLA_ARMOR_ENVELOPE, &reader, &error));
    data = bulla_buffer_data(text);
    length = bulla_buffer_length(text);
    for (at = 0; at < length; at += piece)
        OK(bulla_armor_reader_update(reader, data + at, length - at < piece ? length - at : piece, back, &error));
    OK(bulla_armor_reader_finish(reader, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_armor_reader_finish(reader, &error));
    CHECK(holds(back, bulla_buffer_data(envelope), bulla_buffer_length(envelope)));
    bulla_armor_reader_free(reader);
    bulla_armor_writer_free(writer);
    bulla_buffer_free(whole);
    bulla_buffer_free(text);
    bulla_buffer_free(back);
}

static void pieces_give_the_same_as_the_whole(void)
{
    struct world world;

    begin(&world);
    seal_hello(&world, NULL);
    there_and_back(world.envelope, 1);
    there_and_back(world.envelope, 7);
    there_and_back(world.envelope, 1000000);
    end(&world);
}

static void other_text_is_refused(void)
{
    struct world world;
    bulla_buffer *text = NULL;
    bulla_armor_reader *reader = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    OK(bulla_buffer_new(&text, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_armor(99, HELLO, sizeof HELLO, text, &error));
    OK(bulla_armor(BULLA_ARMOR_EVIDENCE, HELLO, sizeof HELLO, text, &error));
    CHECK(bulla_is_armored(bulla_buffer_data(text), bulla_buffer_length(text)) == 1);
    CHECK(bulla_is_armored(bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope)) == 0);
    FAILS(BULLA_MALFORMED,
          bulla_dearmor(BULLA_ARMOR_ENVELOPE, bulla_buffer_data(text), bulla_buffer_length(text), world.content, &error));
    CHECK(bulla_buffer_length(world.content) == 0);
    /* Cut off, it says so at its end. */
    OK(bulla_armor_reader_new(BULLA_ARMOR_EVIDENCE, &reader, &error));
    OK(bulla_armor_reader_update(reader, bulla_buffer_data(text), bulla_buffer_length(text) - 5, world.content, &error));
    FAILS(BULLA_MALFORMED, bulla_armor_reader_finish(reader, &error));
    bulla_armor_reader_free(reader);
    bulla_buffer_free(text);
    end(&world);
}

const struct test test_armor[] = {
    {"pieces give the same as the whole", pieces_give_the_same_as_the_whole},
    {"other text is refused", other_text_is_refused},
    END,
};
