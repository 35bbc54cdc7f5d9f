/*
 * Do calls leave keys on the stack? After each call the stack below it is written to a file in the folder that is given, with the
 * keys and envelopes that wipe_stack.py needs to know what must not be in it; and twice what is in the heap, where keys may be as
 * long as something uses them: there it must find them. Linked with --wrap=malloc,--wrap=free,--wrap=realloc.
 */
#include "harness.h"

enum { REACH = 192 * 1024, BLOCKS = 4096, LARGEST = 4096 };

static const char *folder;
static int calls;
static uint8_t stack[REACH];
static uint8_t content[50000];

static struct {
    void *block;
    size_t size;
} blocks[BLOCKS];

void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static void forget(const void *block)
{
    size_t at;

    for (at = 0; at < BLOCKS; at++)
        if (blocks[at].block == block)
            blocks[at].block = NULL;
}

static void *remember(void *block, size_t size)
{
    size_t at;

    for (at = 0; block != NULL && size <= LARGEST && at < BLOCKS; at++)
        if (blocks[at].block == NULL) {
            blocks[at].block = block;
            blocks[at].size = size;
            break;
        }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return remember(__real_malloc(size), size);
}

void *__wrap_realloc(void *block, size_t size)
{
    if (block != NULL)
        forget(block);
    return remember(__real_realloc(block, size), size);
}

void __wrap_free(void *block)
{
    if (block != NULL)
        forget(block);
    __real_free(block);
}

static FILE *file(const char *name)
{
    char path[4096];
    FILE *opened;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    opened = fopen(path, "wb");
    if (opened == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return opened;
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *to = file(name);

    CHECK(fwrite(bytes, 1, length, to) == length);
    CHECK(fclose(to) == 0);
}

static void write_buffer(const char *name, const bulla_buffer *buffer)
{
    write_file(name, bulla_buffer_data(buffer), bulla_buffer_length(buffer));
}

/* All that is in the heap now, but for large blocks, which hold texts. Words stay words: each block begins at a multiple of 16. */
static void write_heap(const char *name)
{
    static const uint8_t FILLING[16];
    FILE *to = file(name);
    size_t at, filling;

    for (at = 0; at < BLOCKS; at++)
        if (blocks[at].block != NULL) {
            filling = (sizeof FILLING - blocks[at].size % sizeof FILLING) % sizeof FILLING;
            CHECK(fwrite(blocks[at].block, 1, blocks[at].size, to) == blocks[at].size);
            CHECK(fwrite(FILLING, 1, filling, to) == filling);
        }
    CHECK(fclose(to) == 0);
}

/* What earlier calls left is no witness. */
__attribute__((noinline)) static void blank(void)
{
    volatile uint8_t below[REACH];
    size_t at;

    for (at = 0; at < sizeof below; at++)
        below[at] = 0;
}

/* By words, in a frame that is as small as can be: a call to copy them would write over what it copies. */
__attribute__((noinline)) static void copy_stack(void)
{
    static volatile const uint64_t *from;
    static size_t at;

    from = (volatile const uint64_t *)((uintptr_t)__builtin_frame_address(0) - REACH);
    for (at = 0; at < REACH / sizeof *from; at++)
        ((uint64_t *)stack)[at] = from[at];
}

static void write_stack(const char *call)
{
    char name[200];

    snprintf(name, sizeof name, "%02d %.*s.stack", ++calls, (int)strcspn(call, "("), call);
    write_file(name, stack, sizeof stack);
}

/* Makes the call, and keeps the stack that it used. */
#define AFTER(call) (blank(), (call), copy_stack(), write_stack(#call))
/* The same for a call that must succeed: what checks that is called when the stack is kept. */
#define AFTER_OK(call)                                    \
    do {                                                  \
        bulla_status status_;                             \
        blank();                                          \
        before();                                         \
        status_ = (call);                                 \
        copy_stack();                                     \
        write_stack(#call);                               \
        worked(__FILE__, __LINE__, #call, status_);       \
    } while (0)

static void keys(const struct world *world)
{
    bulla_identity *made = NULL, *read = NULL;
    bulla_buffer *text = NULL;

    OK(bulla_buffer_new(&text, &error));
    OK(bulla_identity_text(world->alice, NULL, text, &error));
    write_buffer("alice.key", text);
    bulla_buffer_clear(text);
    OK(bulla_identity_text(world->bob, NULL, text, &error));
    write_buffer("bob.key", text);
    write_file("bob.public", world->bob_key.bytes, sizeof world->bob_key.bytes);
    AFTER_OK(bulla_identity_parse(bulla_buffer_data(text), bulla_buffer_length(text), NULL, &read, &error));
    AFTER_OK(bulla_identity_rotate(read, 5, &error));
    bulla_identity_free(read);
    AFTER_OK(bulla_identity_generate(&made, &error));
    bulla_buffer_clear(text);
    AFTER_OK(bulla_identity_text(made, NULL, text, &error));
    write_buffer("made.key", text);
    bulla_buffer_clear(text);
    AFTER_OK(bulla_identity_text(made, "correct horse battery staple", text, &error));
    AFTER_OK(bulla_identity_parse(bulla_buffer_data(text), bulla_buffer_length(text), "correct horse battery staple", &read, &error));
    AFTER(bulla_identity_free(made));
    bulla_identity_free(read);
    bulla_buffer_free(text);
}

static void whole(struct world *world, const char *name, const char *leased, size_t length)
{
    bulla_message *message = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;

    bulla_buffer_clear(world->envelope);
    AFTER_OK(bulla_seal(world->sealer, world->draft, content, length, world->envelope, NULL, &error));
    write_buffer(name, world->envelope);
    AFTER_OK(bulla_open(world->opener, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), world->content,
                        &message, &error));
    AFTER(bulla_message_free(message));
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, world->draft, content, length, world->envelope, NULL, &error));
    write_buffer(leased, world->envelope);
    AFTER_OK(bulla_open_leased(world->opener, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), 60,
                               world->content, &lease, &again, &error));
    AFTER(bulla_lease_free(lease));
}

static void in_a_session(struct world *world)
{
    bulla_session *session = NULL;
    bulla_message *message = NULL;
    bulla_sealer *sealer = NULL;

    AFTER_OK(bulla_session_new(world->alice, &session, &error));
    OK(bulla_sealer_new(world->alice, &sealer, &error));
    OK(bulla_sealer_to(sealer, world->bob_public, &error));
    OK(bulla_sealer_session(sealer, session, &error));
    bulla_buffer_clear(world->envelope);
    AFTER_OK(bulla_seal(sealer, world->draft, content, 5, world->envelope, NULL, &error));
    write_buffer("session.envelope", world->envelope);
    AFTER_OK(bulla_open(world->opener, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), world->content,
                        &message, &error));
    bulla_message_free(message);
    bulla_sealer_free(sealer);
    AFTER(bulla_session_free(session));
}

static void in_pieces(struct world *world)
{
    bulla_seal_stream *sealing = NULL;
    bulla_open_stream *opening = NULL;
    bulla_message *message = NULL;
    const uint8_t *envelope;
    size_t length, half;

    bulla_buffer_clear(world->envelope);
    AFTER_OK(bulla_seal_stream_new(world->sealer, world->draft, BULLA_LENGTH_UNKNOWN, world->envelope, &sealing, &error));
    write_heap("sealing.heap");
    AFTER_OK(bulla_seal_stream_update(sealing, content, sizeof content, world->envelope, &error));
    AFTER_OK(bulla_seal_stream_finish(sealing, world->envelope, NULL, &error));
    AFTER(bulla_seal_stream_free(sealing));
    write_buffer("pieces.envelope", world->envelope);
    envelope = bulla_buffer_data(world->envelope);
    length = bulla_buffer_length(world->envelope);
    half = length / 2;
    AFTER_OK(bulla_open_stream_new(world->opener, &opening, &error));
    AFTER_OK(bulla_open_stream_update_provisional(opening, envelope, half, world->content, &error));
    write_heap("opening.heap");
    AFTER_OK(bulla_open_stream_update_provisional(opening, envelope + half, length - half, world->content, &error));
    AFTER_OK(bulla_open_stream_finish(opening, world->content, &message, &error));
    AFTER(bulla_open_stream_free(opening));
    bulla_message_free(message);
    opening = NULL;
    OK(bulla_open_stream_new(world->opener, &opening, &error));
    OK(bulla_open_stream_update_provisional(opening, envelope, half, world->content, &error));
    AFTER(bulla_open_stream_free(opening));
}

int main(int count, char **arguments)
{
    struct world world;

    if (count != 2) {
        fprintf(stderr, "usage: wipe_stack FOLDER\n");
        return EXIT_FAILURE;
    }
    folder = arguments[1];
    memset(content, 'x', sizeof content);
    begin(&world);
    keys(&world);
    whole(&world, "small.envelope", "small-leased.envelope", 5);
    whole(&world, "large.envelope", "large-leased.envelope", sizeof content);
    in_a_session(&world);
    in_pieces(&world);
    end(&world);
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
