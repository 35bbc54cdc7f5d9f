/* Handles in a state in which the call that is abused succeeds, where the usual ones of their kind let it fail. */
#include "abuse_parts.h"
#include <sys/stat.h>

/* The content that the generated test gives to calls which take one. */
static const uint8_t *usual_content(size_t *length)
{
    return abuse_bytes("", "content", length);
}

/* Its content has as many bytes as the generated test gives to it at once. */
bulla_seal_stream *abuse_seal_stream(void)
{
    bulla_seal_stream *stream = NULL;
    size_t length;

    (void)usual_content(&length);
    bulla_buffer_clear(parts.world.content);
    OK(bulla_seal_stream_new(parts.world.sealer, parts.world.draft, length, parts.world.content, &stream, &error));
    return stream;
}

/* All of its content has come. */
bulla_seal_stream *abuse_full_seal_stream(void)
{
    bulla_seal_stream *stream = abuse_seal_stream();
    size_t length;
    const uint8_t *content = usual_content(&length);

    OK(bulla_seal_stream_update(stream, content, length, parts.world.content, &error));
    return stream;
}

bulla_open_stream *abuse_whole_open_stream(void)
{
    bulla_open_stream *stream = abuse_open_stream();
    const size_t before_last = bulla_buffer_length(parts.world.envelope) - 1;

    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(parts.world.envelope) + before_last, 1,
                                            parts.world.content, &error));
    return stream;
}

/* Its content is verified, and so there is a stamp. */
bulla_open_stream *abuse_settled_open_stream(void)
{
    bulla_open_stream *stream = abuse_whole_open_stream();

    OK(bulla_open_stream_settle_provisional(stream, parts.world.content, &error));
    CHECK(bulla_open_stream_stamp(stream) != NULL);
    return stream;
}

/* With a guard of its own, as abuse_opener(). */
bulla_opener *abuse_verifier(void)
{
    bulla_opener *opener = NULL;
    bulla_guard *guard = abuse_guard();

    OK(bulla_verifier_new("test", parts.world.policy, guard, &opener, &error));
    bulla_guard_free(guard);
    return opener;
}

bulla_detached_stream *abuse_full_detached_stream(void)
{
    bulla_detached_stream *stream = abuse_detached_stream();
    size_t length;
    const uint8_t *content = usual_content(&length);

    OK(bulla_detached_stream_update(stream, content, length, &error));
    return stream;
}

/* The beginning of what bob sent to alice has come to it, as much as is verified before the end, and it keeps that. */
bulla_store *abuse_holding_store(void)
{
    bulla_opener *opener = NULL;
    bulla_policy *policy = NULL;
    bulla_guard *guard = abuse_guard();
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    char folder[4096], target[4096];

    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &parts.world.bob_key, &error));
    OK(bulla_opener_new(parts.world.alice, policy, guard, &opener, &error));
    OK(bulla_store_new(opener, 60, &store, &error));
    fresh("abuse-kept", folder, sizeof folder);
    CHECK(mkdir(folder, 0700) == 0);
    OK(bulla_store_resumable(store, folder, 4, 1 << 20, &error));
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, fresh("abuse-cut", target, sizeof target), &stream, &error));
    before();
    if (bulla_store_stream_update(stream, bulla_buffer_data(parts.long_outgoing), bulla_buffer_length(parts.long_outgoing) - 1,
                                  &error) != BULLA_MORE)
        failed(__FILE__, __LINE__, "a stream of a store that keeps what has come", error.text);
    FAILS(BULLA_NOT_AUTHENTIC, bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    bulla_policy_free(policy);
    return store;
}

bulla_armor_reader *abuse_whole_armor_reader(void)
{
    bulla_armor_reader *reader = NULL;

    OK(bulla_armor_reader_new(BULLA_ARMOR_ENVELOPE, &reader, &error));
    bulla_buffer_clear(parts.world.content);
    OK(bulla_armor_reader_update(reader, WHOLE(parts.armored), parts.world.content, &error));
    return reader;
}

bulla_prover *abuse_full_prover(void)
{
    bulla_question *question = NULL;
    bulla_prover *prover = NULL;

    OK(bulla_question_from_bytes(WHOLE(parts.question_of_bob), &question, &error));
    OK(bulla_question_prover(question, &prover, &error));
    OK(bulla_prover_update(prover, HELLO, sizeof HELLO, &error));
    bulla_question_free(question);
    return prover;
}

/* The envelope is in it that the letters of this test name. It goes to an outbox in which nothing is. */
bulla_outgoing *abuse_whole_outgoing(void)
{
    bulla_outgoing *outgoing = NULL;
    bulla_outbox *outbox = abuse_empty_outbox();

    OK(bulla_outbox_begin(outbox, &outgoing, &error));
    OK(bulla_outgoing_write(outgoing, WHOLE(parts.outgoing), &error));
    bulla_outbox_free(outbox);
    return outgoing;
}

/* One range is in them, of the numbers 1 and 2. */
bulla_ranges *abuse_ranges(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_ranges *ranges = NULL;

    OK(bulla_opener_missing(opener, abuse_stamp(), &ranges, &error));
    OK(bulla_ranges_add(ranges, 1, 2, &error));
    bulla_opener_free(opener);
    return ranges;
}

bulla_guard_limits abuse_limits(void)
{
    bulla_guard_limits limits = {1000, 0, 0, 0};

    return limits;
}

bulla_encryption_key abuse_encryption_key(void)
{
    bulla_encryption_key key;

    memset(&key, 0, sizeof key);
    OK(bulla_public_encryption_key(parts.world.bob_public, 0, &key, &error));
    return key;
}

/* A source of the host's: the sealed envelope, and the answer that callbacks give. */
bulla_status abuse_source_read(void *context, uint64_t offset, uint8_t *memory, size_t length, size_t *read)
{
    const size_t whole = bulla_buffer_length(parts.world.envelope);
    const size_t left = offset < whole ? whole - (size_t)offset : 0;

    (void)context;
    *read = length < left ? length : left;
    if (*read > 0)
        memcpy(memory, bulla_buffer_data(parts.world.envelope) + offset, *read);
    return abuse_answer;
}

bulla_status abuse_source_length(void *context, uint64_t *length)
{
    (void)context;
    *length = bulla_buffer_length(parts.world.envelope);
    return abuse_answer;
}
