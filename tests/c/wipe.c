/*
 * Are secrets wiped? Every block of the heap that is given back is looked through for what must not be in it: the secret keys,
 * their text, the passphrase, and content that was opened. Linked with --wrap=free,--wrap=realloc, and the static library.
 */
#include "harness.h"
#include <execinfo.h>
#include <malloc.h>

enum { NEEDLES = 8, LONGEST = 64 };

static struct {
    const char *what;
    uint8_t bytes[LONGEST];
    size_t length;
    int found;
} needles[NEEDLES];
static size_t needle_count;
static const char *phase = "";
static int found;

void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);
void *__wrap_realloc(void *block, size_t size);

static void look(const void *block)
{
    const uint8_t *bytes = block;
    size_t size = malloc_usable_size((void *)block), at, which;

    for (which = 0; which < needle_count; which++)
        for (at = 0; at + needles[which].length <= size; at++)
            if (bytes[at] == needles[which].bytes[0] && memcmp(bytes + at, needles[which].bytes, needles[which].length) == 0) {
                found++;
                needles[which].found++;
                fprintf(stderr, "%s: %s at %lu of a block of %lu that is given back\n", phase, needles[which].what,
                        (unsigned long)at, (unsigned long)size);
                if (getenv("TRACE") != NULL) {
                    void *frames[32];

                    backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
                }
                break;
            }
}

void __wrap_free(void *block)
{
    if (block != NULL && needle_count > 0)
        look(block);
    __real_free(block);
}

/* Always moves: what is left behind is looked through too. */
void *__wrap_realloc(void *block, size_t size)
{
    void *moved;
    size_t old;

    if (block == NULL || needle_count == 0)
        return __real_realloc(block, size);
    moved = malloc(size);
    if (moved == NULL)
        return NULL;
    old = malloc_usable_size(block);
    memcpy(moved, block, old < size ? old : size);
    __wrap_free(block);
    return moved;
}

static void needle(const char *what, const uint8_t *bytes, size_t length)
{
    needles[needle_count].what = what;
    needles[needle_count].found = 0;
    memcpy(needles[needle_count].bytes, bytes, length);
    needles[needle_count++].length = length;
}

static int value(char letter)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = letter == '\0' ? NULL : strchr(LETTERS, letter);

    return at == NULL ? -1 : (int)(at - LETTERS);
}

/* The keys out of the text of a key file (spec/identity.md section 3). */
static void needles_of_keys(const char *text, size_t length)
{
    static uint8_t file[512];
    size_t used = 0, at = 0;
    uint32_t bits = 0;
    int held = 0;

    while (at < length && text[at] != '\n')
        at++;
    needle("the text of the keys", (const uint8_t *)text + at + 21, 40);
    for (; at < length && text[at] != '-' && text[at] != '=' && used < sizeof file; at++)
        if (value(text[at]) >= 0) {
            bits = bits << 6 | (uint32_t)value(text[at]);
            held += 6;
            if (held >= 8) {
                held -= 8;
                file[used++] = (uint8_t)(bits >> held);
            }
        }
    CHECK(used >= 10 + 32 + 32 + 16 && memcmp(file, "BULLAKEY\1", 9) == 0);
    needle("the signing key", file + 10, 32);
    needle("the decryption key", file + used - 16 - 32, 32);
}

static const uint8_t MARKER[32] = "the content that nobody may find";
static uint8_t content[200000];

static void control(void)
{
    uint8_t *block = malloc(100);
    int before_it = found;

    phase = "control";
    memset(block, 0, 100);
    memcpy(block + 40, MARKER, sizeof MARKER);
    free(block);
    CHECK(found == before_it + 1);
    found = before_it;
    fprintf(stderr, "(that was the control: the test can see)\n");
}

static void keys(const char *passphrase)
{
    static char text[8192];
    bulla_identity *made = NULL, *read = NULL;
    bulla_buffer *buffer = NULL;
    size_t length;

    needle_count = 1;
    OK(bulla_identity_generate(&made, &error));
    OK(bulla_buffer_new(&buffer, &error));
    /* The needles are known only once the text is there; from then on everything is looked through. */
    OK(bulla_identity_text(made, NULL, buffer, &error));
    length = bulla_buffer_length(buffer);
    memcpy(text, bulla_buffer_data(buffer), length);
    needles_of_keys(text, length);
    needle("the passphrase", (const uint8_t *)passphrase, strlen(passphrase));
    phase = "writing keys";
    bulla_buffer_clear(buffer);
    OK(bulla_identity_text(made, NULL, buffer, &error));
    bulla_buffer_free(buffer);
    OK(bulla_buffer_new(&buffer, &error));
    OK(bulla_identity_text(made, passphrase, buffer, &error));
    phase = "reading protected keys";
    OK(bulla_identity_parse(bulla_buffer_data(buffer), bulla_buffer_length(buffer), passphrase, &read, &error));
    bulla_identity_free(read);
    FAILS(BULLA_WRONG_PASSPHRASE,
          bulla_identity_parse(bulla_buffer_data(buffer), bulla_buffer_length(buffer), "wrong", &read, &error));
    phase = "reading keys";
    OK(bulla_identity_parse((const uint8_t *)text, length, NULL, &read, &error));
    phase = "key files";
    remove(scratch("wipe.key"));
    OK(bulla_identity_save(read, scratch("wipe.key"), NULL, &error));
    bulla_identity_free(read);
    OK(bulla_identity_load(scratch("wipe.key"), NULL, &read, &error));
    remove(scratch("wipe.key"));
    phase = "rotating";
    OK(bulla_identity_rotate(read, 5, &error));
    OK(bulla_identity_destroy_expired(read, 10, NULL, &error));
    phase = "freeing keys";
    bulla_identity_free(read);
    bulla_identity_free(made);
    bulla_buffer_free(buffer);
}

static void whole(struct world *world)
{
    bulla_message *message = NULL;

    phase = "sealing";
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, world->draft, content, sizeof content, world->envelope, NULL, &error));
    phase = "opening";
    OK(open_it(world, world->opener, &message));
    CHECK(memcmp(bulla_buffer_data(world->content), content, sizeof content) == 0);
    bulla_message_free(message);
    phase = "refusing";
    FAILS(BULLA_REPLAYED, open_it(world, world->opener, &message));
    phase = "clearing";
    bulla_buffer_clear(world->content);
}

static void in_pieces(struct world *world)
{
    bulla_seal_stream *sealing = NULL;
    bulla_open_stream *opening = NULL;
    bulla_message *message = NULL;
    size_t at, step = 7000, length;

    phase = "sealing in pieces";
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal_stream_new(world->sealer, world->draft, BULLA_LENGTH_UNKNOWN, world->envelope, &sealing, &error));
    for (at = 0; at < sizeof content; at += step)
        OK(bulla_seal_stream_update(sealing, content + at, at + step < sizeof content ? step : sizeof content - at,
                                    world->envelope, &error));
    OK(bulla_seal_stream_finish(sealing, world->envelope, NULL, &error));
    bulla_seal_stream_free(sealing);
    phase = "opening in pieces";
    length = bulla_buffer_length(world->envelope);
    OK(bulla_open_stream_new(world->opener, &opening, &error));
    for (at = 0; at < length; at += step)
        OK(bulla_open_stream_update_provisional(opening, bulla_buffer_data(world->envelope) + at,
                                                at + step < length ? step : length - at, world->content, &error));
    OK(bulla_open_stream_finish(opening, world->content, &message, &error));
    CHECK(bulla_buffer_length(world->content) == sizeof content);
    bulla_message_free(message);
    bulla_open_stream_free(opening);
}

static void left_in_the_middle(struct world *world)
{
    bulla_seal_stream *sealing = NULL;
    bulla_open_stream *opening = NULL;

    phase = "a stream that is not finished";
    OK(bulla_open_stream_new(world->opener, &opening, &error));
    OK(bulla_open_stream_update_provisional(opening, bulla_buffer_data(world->envelope), 70001, world->content, &error));
    bulla_open_stream_free(opening);
    OK(bulla_seal_stream_new(world->sealer, world->draft, BULLA_LENGTH_UNKNOWN, world->content, &sealing, &error));
    OK(bulla_seal_stream_update(sealing, content, 30000, world->content, &error));
    bulla_seal_stream_free(sealing);
}

/* Stored, it is in memory in pieces only. And a control through the library: the name of a file is no secret, and not wiped. */
static void to_a_file(struct world *world)
{
    static const char NAME[] = "a-name-that-is-no-secret";
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;

    phase = "storing";
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, world->draft, content, sizeof content, world->envelope, NULL, &error));
    remove(scratch(NAME));
    OK(bulla_store_new(world->opener, 60, &store, &error));
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, scratch(NAME), &stream, &error));
    CHECK(bulla_store_stream_update(stream, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), &error) ==
          BULLA_MORE);
    OK(bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);
    bulla_store_free(store);
    phase = "control";
    needle("a name that is no secret", (const uint8_t *)NAME, sizeof NAME - 1);
    bulla_lease_free(lease);
    needle_count--;
    CHECK(needles[needle_count].found > 0);
    found -= needles[needle_count].found;
    fprintf(stderr, "(that was the control: what the library gives back is seen)\n");
}

int main(void)
{
    struct world world;
    size_t at;

    for (at = 0; at < sizeof content; at++)
        content[at] = MARKER[at % sizeof MARKER];
    needle("content", MARKER, sizeof MARKER);
    control();
    keys("correct horse battery staple");
    begin(&world);
    whole(&world);
    in_pieces(&world);
    left_in_the_middle(&world);
    to_a_file(&world);
    phase = "freeing all";
    end(&world);
    printf("wiping: %d secrets found in memory that was given back, %d failed checks\n", found, failures);
    return found > 0 || failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
