#include "harness.h"
#include <unistd.h>

int failures = 0;
bulla_error error;
const uint8_t HELLO[5] = {'h', 'e', 'l', 'l', 'o'};

void failed(const char *file, int line, const char *what, const char *why)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
    failures++;
}

void before(void)
{
    memset(&error, 0xA5, sizeof error);
}

static int all(const void *place, size_t size)
{
    const uint8_t *bytes = place;
    size_t at;

    for (at = 0; at < size; at++)
        if (bytes[at] != 0xA5)
            return 0;
    return 1;
}

void still(const char *file, int line, const char *what, const void *place, size_t size)
{
    if (!all(place, size))
        failed(file, line, what, "was written although the call failed");
}

void worked(const char *file, int line, const char *call, bulla_status status)
{
    if (status != BULLA_OK) {
        error.text[sizeof error.text - 1] = '\0';
        failed(file, line, call, status > 100 ? bulla_status_name(status) : error.text);
    } else if (!all(&error, sizeof error)) {
        failed(file, line, call, "succeeded, but wrote to the place for an error");
    }
}

void refused(const char *file, int line, const char *call, bulla_status status, bulla_status wanted)
{
    if (status != wanted)
        failed(file, line, call, bulla_status_name(status));
    else if (status == BULLA_OK || status > 100)
        return;
    else if (error.code != status)
        failed(file, line, call, "the error has another code");
    else if (memchr(error.text, '\0', sizeof error.text) == NULL || error.text[0] == '\0' || strchr(error.text, '\n') != NULL)
        failed(file, line, call, "the error is not one line of text");
}

void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    OK(bulla_identity_generate(&world->alice, &error));
    OK(bulla_identity_generate(&world->bob, &error));
    OK(bulla_identity_public(world->alice, &world->alice_public, &error));
    OK(bulla_identity_public(world->bob, &world->bob_public, &error));
    OK(bulla_public_key(world->alice_public, &world->alice_key, &error));
    OK(bulla_public_key(world->bob_public, &world->bob_key, &error));
    OK(bulla_sealer_new(world->alice, &world->sealer, &error));
    OK(bulla_sealer_to(world->sealer, world->bob_public, &error));
    OK(bulla_draft_new("test", &world->draft, &error));
    OK(bulla_policy_new("test", &world->policy, &error));
    OK(bulla_policy_allow(world->policy, &world->alice_key, &error));
    OK(bulla_guard_in_memory(NULL, &world->guard, &error));
    OK(bulla_opener_new(world->bob, world->policy, world->guard, &world->opener, &error));
    OK(bulla_verifier_new("reader", world->policy, world->guard, &world->verifier, &error));
    OK(bulla_buffer_new(&world->envelope, &error));
    OK(bulla_buffer_new(&world->content, &error));
}

void end(struct world *world)
{
    /* What things were made with goes first. */
    bulla_identity_free(world->alice);
    bulla_identity_free(world->bob);
    bulla_public_free(world->alice_public);
    bulla_public_free(world->bob_public);
    bulla_guard_free(world->guard);
    bulla_policy_free(world->policy);
    bulla_draft_free(world->draft);
    bulla_sealer_free(world->sealer);
    bulla_opener_free(world->opener);
    bulla_opener_free(world->verifier);
    bulla_buffer_free(world->envelope);
    bulla_buffer_free(world->content);
}

void seal_hello(struct world *world, bulla_sent *sent)
{
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, world->draft, HELLO, sizeof HELLO, world->envelope, sent, &error));
}

bulla_status open_it(struct world *world, bulla_opener *opener, bulla_message **message)
{
    bulla_buffer_clear(world->content);
    return bulla_open(opener, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), world->content, message,
                      &error);
}

void seal_asking(struct world *world, uint32_t receipts, const uint8_t *content, size_t length, bulla_sent *sent)
{
    bulla_draft *draft = NULL;

    OK(bulla_draft_new("test", &draft, &error));
    OK(bulla_draft_ask_receipts(draft, receipts, world->alice_public, &error));
    bulla_buffer_clear(world->envelope);
    OK(bulla_seal(world->sealer, draft, content, length, world->envelope, sent, &error));
    bulla_draft_free(draft);
}

bulla_status lease_it(struct world *world, bulla_lease **lease, bulla_answer **again)
{
    bulla_buffer_clear(world->content);
    return bulla_open_leased(world->opener, bulla_buffer_data(world->envelope), bulla_buffer_length(world->envelope), 60,
                             world->content, lease, again, &error);
}

int view_is(bulla_view view, const void *bytes, size_t length)
{
    return view.length == length && (length == 0 || memcmp(view.data, bytes, length) == 0);
}

int holds(const bulla_buffer *buffer, const void *bytes, size_t length)
{
    bulla_view view = {bulla_buffer_data(buffer), bulla_buffer_length(buffer)};

    return view_is(view, bytes, length);
}

const char *fresh(const char *name, char *path, size_t room)
{
    static unsigned number;
    char numbered[128];

    snprintf(numbered, sizeof numbered, "%s-%ld-%u", name, (long)getpid(), number++);
    snprintf(path, room, "%s", scratch(numbered));
    return path;
}

const char *scratch(const char *name)
{
    static char path[4096];
    const char *folder = getenv("SCRATCH");

    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : ".", name);
    return path;
}
