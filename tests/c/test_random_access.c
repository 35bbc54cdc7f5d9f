#include "harness.h"

/* A source of the host's own, over memory. */
struct memory {
    const uint8_t *data;
    size_t length;
    bulla_status answer;
    int drops, lies;
};

static bulla_status read_at(void *context, uint64_t offset, uint8_t *memory, size_t length, size_t *read)
{
    const struct memory *from = context;
    size_t left = offset < from->length ? from->length - (size_t)offset : 0;

    *read = from->lies ? length + 1 : left < length ? left : length;
    if (!from->lies && *read > 0)
        memcpy(memory, from->data + offset, *read);
    return from->answer;
}

static bulla_status tell_length(void *context, uint64_t *length)
{
    *length = ((struct memory *)context)->length;
    return BULLA_OK;
}

static void drop(void *context)
{
    ((struct memory *)context)->drops++;
}

static bulla_source source_of(struct memory *memory)
{
    bulla_source source;

    memset(&source, 0, sizeof source);
    source.size = sizeof source;
    source.context = memory;
    source.read = read_at;
    source.length = tell_length;
    source.drop = drop;
    return source;
}

static void a_file_is_read_at_any_place_and_then_verified(void)
{
    static uint8_t content[200000];
    struct world world;
    struct memory memory = {NULL, 0, BULLA_OK, 0, 0};
    bulla_source source = source_of(&memory);
    bulla_provisional_file *file = NULL;
    bulla_verified_file *verified = NULL;
    bulla_message *message = NULL;

    begin(&world);
    memcpy(content + 150000, "here", 4);
    bulla_buffer_clear(world.envelope);
    OK(bulla_seal(world.sealer, world.draft, content, sizeof content, world.envelope, NULL, &error));
    memory.data = bulla_buffer_data(world.envelope);
    memory.length = bulla_buffer_length(world.envelope);
    OK(bulla_provisional_file_of_source(world.opener, &source, &file, &error));
    CHECK(bulla_provisional_file_content_length(file) == sizeof content && bulla_provisional_file_stamp(file) != NULL);
    OK(bulla_provisional_file_read(file, 150000, 4, world.content, &error));
    CHECK(holds(world.content, "here", 4));
    FAILS(BULLA_NOTHING, bulla_provisional_file_read(file, sizeof content, 4, world.content, &error));
    memory.answer = 12345;
    FAILS(BULLA_IO, bulla_provisional_file_read(file, 0, 4, world.content, &error));
    memory.answer = BULLA_OK;
    memory.lies = 1;
    FAILS(BULLA_IO, bulla_provisional_file_read(file, 0, 4, world.content, &error));
    memory.lies = 0;
    CHECK(holds(world.content, "here", 4));
    OK(bulla_provisional_file_verify(file, &verified, &message, &error));
    bulla_buffer_clear(world.content);
    OK(bulla_verified_file_read(verified, 149999, 5, world.content, &error));
    CHECK(holds(world.content, "\0here", 5) && bulla_message_is_fresh(message) == 1);
    FAILS(BULLA_WRONG_ORDER, bulla_provisional_file_read(file, 0, 4, world.content, &error));
    CHECK(memory.drops == 0);
    bulla_provisional_file_free(file);
    bulla_verified_file_free(verified);
    CHECK(memory.drops == 1);
    bulla_message_free(message);
    end(&world);
}

static void what_was_changed_is_not_verified(void)
{
    struct world world;
    struct memory memory = {HELLO, sizeof HELLO, BULLA_OK, 0, 0};
    bulla_source source = source_of(&memory);
    bulla_provisional_file *file;
    bulla_verified_file *verified;
    bulla_message *message;
    static const uint8_t zeros[100000];
    uint8_t *changed;

    begin(&world);
    UNTOUCHED(BULLA_MALFORMED, file, bulla_provisional_file_of_source(world.opener, &source, &file, &error));
    CHECK(memory.drops == 0); /* The call failed. */
    UNTOUCHED(BULLA_IO, file, bulla_provisional_file_open(world.opener, scratch("no such file"), &file, &error));
    bulla_buffer_clear(world.envelope);
    OK(bulla_seal(world.sealer, world.draft, zeros, sizeof zeros, world.envelope, NULL, &error));
    memory.length = bulla_buffer_length(world.envelope);
    changed = malloc(memory.length);
    CHECK(changed != NULL);
    if (changed != NULL) {
        memcpy(changed, bulla_buffer_data(world.envelope), memory.length);
        changed[memory.length / 2] ^= 1;
        memory.data = changed;
        file = NULL;
        OK(bulla_provisional_file_of_source(world.opener, &source, &file, &error));
        UNTOUCHED(BULLA_NOT_AUTHENTIC, verified, bulla_provisional_file_verify(file, &verified, &message, &error));
        bulla_provisional_file_free(file);
    }
    free(changed);
    end(&world);
}

const struct test test_random_access[] = {
    {"a file is read at any place, and then verified", a_file_is_read_at_any_place_and_then_verified},
    {"what was changed is not verified", what_was_changed_is_not_verified},
    END,
};
