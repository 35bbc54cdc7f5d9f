#include "abuse_world.h"

const char *abuse_what = "";
bulla_status abuse_answer = BULLA_OK;

static struct world world;
static bulla_buffer *line, *key_file, *detached;
static char line_text[1100];

enum { MANY = 256 };
static struct {
    void (*end)(void *);
    void *thing;
} things[MANY];
static size_t count, cleanings;

void abuse_later(void (*end)(void *), void *thing)
{
    if (count == MANY) {
        fprintf(stderr, "abuse: too many things for one call\n");
        exit(EXIT_FAILURE);
    }
    things[count].end = end;
    things[count++].thing = thing;
}

void abuse_clean_up(void)
{
    size_t at;

    for (at = 0; at < count; at++) {
        size_t which = cleanings % 2 == 0 ? at : count - 1 - at;

        things[which].end(things[which].thing);
    }
    count = 0;
    cleanings++;
}

void abuse_forget(const void *thing)
{
    size_t at;

    for (at = 0; at < count; at++)
        if (things[at].thing == thing)
            things[at].thing = NULL;
}

void abuse_begin(void)
{
    begin(&world);
    seal_hello(&world, NULL);
    OK(bulla_buffer_new(&line, &error));
    OK(bulla_public_line(world.bob_public, line, &error));
    memcpy(line_text, bulla_buffer_data(line), bulla_buffer_length(line));
    OK(bulla_buffer_new(&key_file, &error));
    OK(bulla_identity_text(world.bob, NULL, key_file, &error));
    OK(bulla_buffer_new(&detached, &error));
    OK(bulla_sign_detached(world.sealer, world.draft, HELLO, sizeof HELLO, detached, NULL, &error));
    remove(scratch("abuse.key"));
    OK(bulla_identity_save(world.bob, scratch("abuse.key"), NULL, &error));
}

void abuse_end(void)
{
    bulla_buffer_free(line);
    bulla_buffer_free(key_file);
    bulla_buffer_free(detached);
    remove(scratch("abuse.key"));
    end(&world);
}

static void blame(const char *why)
{
    failed("abuse", 0, abuse_what, why);
}

void abuse_judge(bulla_status status, enum wanted wanted, const bulla_error *report)
{
    if (status < 0 || strcmp(bulla_status_name(status), "Unknown") == 0)
        blame("returned what is no status");
    if (status == BULLA_INTERNAL)
        blame("met a defect (BULLA_INTERNAL)");
    if (wanted == INVALID && status != BULLA_INVALID_INPUT)
        blame(bulla_status_name(status));
    if (wanted == FAILURE && (status == BULLA_OK || status > 100))
        blame("succeeded, and should not have");
    if (report != NULL && status != BULLA_OK && status < 100) {
        if (report->code != status)
            blame("the error has another code than was returned");
        if (memchr(report->text, '\0', sizeof report->text) == NULL || report->text[0] == '\0')
            blame("the error has no text");
    }
}

void abuse_untouched(bulla_status status, const void *place, size_t size, size_t value)
{
    const uint8_t *bytes = place;
    size_t at;

    for (at = 0; at < size; at++) {
        int inside = at >= CANARIES && at < CANARIES + value;

        if (bytes[at] != 0xA5 && !(inside && (status == BULLA_OK || status > 100))) {
            blame(inside ? "an output was written although the call failed" : "something beside an output was written");
            return;
        }
    }
}

const char *abuse_text(const char *function, const char *parameter)
{
    if (strcmp(parameter, "line") == 0)
        return line_text;
    if (strcmp(function, "bulla_identity_load") == 0)
        return scratch("abuse.key");
    if (strcmp(parameter, "file") == 0 || strcmp(parameter, "path") == 0 || strcmp(parameter, "folder") == 0) {
        static unsigned number;
        char name[64];

        snprintf(name, sizeof name, "abuse-%s-%u", parameter, number++);
        return scratch(name);
    }
    /* Slow, and the same for all functions. */
    if (strcmp(parameter, "passphrase") == 0)
        return NULL;
    return "test";
}

const uint8_t *abuse_bytes(const char *parameter, size_t *length)
{
    const bulla_buffer *buffer = NULL;
    static const uint8_t SOME[64] = {'h', 'e', 'l', 'l', 'o'};

    if (strcmp(parameter, "envelope") == 0)
        buffer = world.envelope;
    else if (strcmp(parameter, "text") == 0)
        buffer = key_file;
    *length = buffer == NULL ? sizeof SOME : bulla_buffer_length(buffer);
    return buffer == NULL ? SOME : bulla_buffer_data(buffer);
}

uint8_t *abuse_memory(size_t *length)
{
    static uint8_t memory[64];

    *length = sizeof memory;
    return memory;
}

bulla_sealer *abuse_sealer(void)
{
    bulla_sealer *sealer = NULL;

    OK(bulla_sealer_new(world.alice, &sealer, &error));
    OK(bulla_sealer_to(sealer, world.bob_public, &error));
    return sealer;
}

bulla_policy *abuse_policy(void)
{
    bulla_policy *policy = NULL;

    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &world.alice_key, &error));
    return policy;
}

bulla_message *abuse_message(void)
{
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;

    OK(bulla_opener_new_unguarded(world.bob, world.policy, &opener, &error));
    OK(open_it(&world, opener, &message));
    bulla_opener_free(opener);
    return message;
}

static void free_message(void *message)
{
    bulla_message_free(message);
}

const bulla_stamp *abuse_stamp(void)
{
    bulla_message *message = abuse_message();

    abuse_later(free_message, message);
    return bulla_message_stamp(message);
}

bulla_detached_stream *abuse_detached_stream(void)
{
    bulla_opener *opener = NULL;
    bulla_detached_stream *stream = NULL;

    OK(bulla_verifier_new_unguarded(world.policy, &opener, &error));
    OK(bulla_detached_stream_new(opener, bulla_buffer_data(detached), bulla_buffer_length(detached), &stream, &error));
    bulla_opener_free(opener);
    return stream;
}

bulla_opener *abuse_opener(void)
{
    bulla_opener *opener = NULL;

    OK(bulla_opener_new(world.bob, world.policy, world.guard, &opener, &error));
    return opener;
}

bulla_guard *abuse_guard(void)
{
    bulla_guard *guard = NULL;

    OK(bulla_guard_in_memory(NULL, &guard, &error));
    return guard;
}

bulla_public *abuse_public(void)
{
    bulla_public *identity = NULL;

    OK(bulla_identity_public(world.bob, &identity, &error));
    return identity;
}

bulla_identity *abuse_identity(void)
{
    bulla_identity *identity = NULL;

    OK(bulla_identity_parse(bulla_buffer_data(key_file), bulla_buffer_length(key_file), NULL, &identity, &error));
    return identity;
}

bulla_key abuse_key(void)
{
    return world.bob_key;
}
