/* Handles that take more than valid arguments to make. */
#include "abuse_parts.h"

bulla_sealer *abuse_sealer(void)
{
    bulla_sealer *sealer = NULL;

    OK(bulla_sealer_new(parts.world.alice, &sealer, &error));
    OK(bulla_sealer_to(sealer, parts.world.bob_public, &error));
    return sealer;
}

bulla_policy *abuse_policy(void)
{
    bulla_policy *policy = NULL;

    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &parts.world.alice_key, &error));
    return policy;
}

bulla_message *abuse_message(void)
{
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;

    OK(bulla_opener_new_unguarded(parts.world.bob, parts.world.policy, &opener, &error));
    OK(open_it(&parts.world, opener, &message));
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

    OK(bulla_verifier_new_unguarded(parts.world.policy, &opener, &error));
    OK(bulla_detached_stream_new(opener, WHOLE(parts.detached), &stream, &error));
    bulla_opener_free(opener);
    return stream;
}

/* With a guard of its own: each finds the envelope new. */
bulla_opener *abuse_opener(void)
{
    bulla_opener *opener = NULL;
    bulla_guard *guard = abuse_guard();

    OK(bulla_opener_new(parts.world.bob, parts.world.policy, guard, &opener, &error));
    bulla_guard_free(guard);
    return opener;
}

/* In memory; or, where there is a server, one of its own on that. */
bulla_guard *abuse_guard(void)
{
    static unsigned number;
    const char *server = getenv("BULLA_SERVER");
    char prefix[32];
    bulla_redis_settings settings;
    bulla_guard *guard = NULL;

    if (server == NULL) {
        OK(bulla_guard_in_memory(NULL, &guard, &error));
        return guard;
    }
    memset(&settings, 0, sizeof settings);
    settings.size = sizeof settings;
    snprintf(prefix, sizeof prefix, "abuse-%u", number++);
    settings.prefix = prefix;
    OK(bulla_guard_redis(server, &settings, &guard, &error));
    return guard;
}

bulla_public *abuse_public(void)
{
    bulla_public *identity = NULL;

    OK(bulla_identity_public(parts.world.bob, &identity, &error));
    return identity;
}

bulla_identity *abuse_identity(void)
{
    bulla_identity *identity = NULL;

    OK(bulla_identity_parse(WHOLE(parts.key_file), NULL, &identity, &error));
    return identity;
}

bulla_key abuse_key(void)
{
    return parts.world.alice_key;
}

bulla_sent abuse_sent(void)
{
    return parts.outgoing_sent;
}

bulla_sent abuse_long_sent(void)
{
    return parts.long_sent;
}

/* The time, and the answer that callbacks give. */
static bulla_status tell_time(void *context, uint64_t *now)
{
    (void)context;
    *now = parts.outgoing_sent.issued + 1;
    return abuse_answer;
}

bulla_clock *abuse_clock(void)
{
    bulla_clock *clock = NULL;

    OK(bulla_clock_new(tell_time, NULL, NULL, &clock, &error));
    return clock;
}

/* All but the last byte has come: it may be continued, refused, or ended too early. */
bulla_open_stream *abuse_open_stream(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_open_stream *stream = NULL;

    OK(bulla_open_stream_new(opener, &stream, &error));
    bulla_buffer_clear(parts.world.content);
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(parts.world.envelope), bulla_buffer_length(parts.world.envelope) - 1,
                                            parts.world.content, &error));
    bulla_opener_free(opener);
    return stream;
}

bulla_lease *abuse_lease(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;

    bulla_buffer_clear(parts.world.content);
    OK(bulla_open_leased(opener, WHOLE(parts.world.envelope), 60, parts.world.content, &lease,
                         &again, &error));
    bulla_opener_free(opener);
    return lease;
}

bulla_answer *abuse_answered(void)
{
    bulla_lease *lease = abuse_lease();
    bulla_receipter *receipter = NULL;
    bulla_answer *answer = NULL;

    OK(bulla_receipter_new(parts.world.bob, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    bulla_receipter_free(receipter);
    bulla_lease_free(lease);
    return answer;
}

static bulla_store_stream *stream_to(const char *target)
{
    bulla_opener *opener = abuse_opener();
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;

    OK(bulla_store_new(opener, 60, &store, &error));
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, target, &stream, &error));
    before();
    if (bulla_store_stream_update(stream, WHOLE(parts.world.envelope), &error) !=
        BULLA_MORE)
        failed(__FILE__, __LINE__, "a stream of a store", error.text);
    bulla_store_free(store);
    bulla_opener_free(opener);
    return stream;
}

bulla_store_stream *abuse_store_stream(void)
{
    return stream_to(abuse_text("bulla_store_stream_new", "target"));
}

/* Its envelope has come to its end, and another file has the name: it waits for a new target. */
bulla_store_stream *abuse_named_store_stream(void)
{
    const char *taken = scratch("abuse-taken");
    FILE *file = fopen(taken, "wb");
    bulla_store_stream *stream;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;

    CHECK(file != NULL && fputs("another file", file) >= 0 && fclose(file) == 0);
    stream = stream_to(taken);
    before();
    if (bulla_store_stream_finish(stream, &lease, &again, &error) != BULLA_NAME_TAKEN)
        failed(__FILE__, __LINE__, "a stream of a store whose name is taken", error.text);
    return stream;
}

bulla_provisional_file *abuse_provisional_file(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_provisional_file *file = NULL;

    OK(bulla_provisional_file_open(opener, abuse_sealed_file(), &file, &error));
    bulla_opener_free(opener);
    return file;
}

bulla_verified_file *abuse_verified_file(void)
{
    bulla_provisional_file *file = abuse_provisional_file();
    bulla_verified_file *verified = NULL;
    bulla_message *message = NULL;

    OK(bulla_provisional_file_verify(file, &verified, &message, &error));
    bulla_message_free(message);
    bulla_provisional_file_free(file);
    return verified;
}

bulla_database *abuse_database(void)
{
    bulla_database *again = NULL;

    OK(bulla_database_open(abuse_database_file(), &again, &error));
    return again;
}

static bulla_status put(const bulla_outbox *outbox)
{
    bulla_letter *letter = NULL;
    bulla_status status;

    OK(bulla_letter_new(&parts.outgoing_sent, "test", &parts.world.alice_key, 1, UINT64_C(1) << 40, &letter, &error));
    before();
    status = bulla_outbox_put(outbox, letter, WHOLE(parts.outgoing), parts.outgoing_sent.issued, &error);
    bulla_letter_free(letter);
    return status;
}

/* There is always the same in it: what was forgotten is put again, and what was given up goes into another file. */
bulla_outbox *abuse_outbox(void)
{
    bulla_outbox *outbox = NULL;

    OK(bulla_outbox_new(parts.database, NULL, &outbox, &error));
    if (put(outbox) == BULLA_OK)
        return outbox;
    bulla_outbox_free(outbox);
    outbox = abuse_empty_outbox();
    OK(put(outbox));
    return outbox;
}

/* In another file than all before. */
bulla_outbox *abuse_empty_outbox(void)
{
    bulla_outbox *outbox = NULL;

    bulla_database_free(parts.database);
    parts.databases++;
    OK(bulla_database_open(abuse_database_file(), &parts.database, &error));
    OK(bulla_outbox_new(parts.database, NULL, &outbox, &error));
    return outbox;
}

bulla_due_list *abuse_due_list(void)
{
    bulla_outbox *outbox = abuse_outbox();
    bulla_due_list *list = NULL;

    OK(bulla_outbox_take(outbox, &parts.outgoing_sent.header_digest, parts.outgoing_sent.issued, &list, &error));
    bulla_outbox_free(outbox);
    return list;
}

bulla_entry_list *abuse_entry_list(void)
{
    bulla_outbox *outbox = abuse_outbox();
    bulla_entry_list *list = NULL;

    OK(bulla_outbox_list(outbox, BULLA_FILTER_ALL, 2, &list, &error));
    bulla_outbox_free(outbox);
    return list;
}

bulla_settled *abuse_settled(void)
{
    bulla_outbox *outbox = abuse_outbox();
    bulla_settled *settled = NULL;

    OK(bulla_outbox_settle(outbox, parts.world.bob, NULL, WHOLE(parts.receipt), &settled, &error));
    bulla_outbox_free(outbox);
    return settled;
}

bulla_receipt *abuse_receipt(void)
{
    bulla_receipt *opened = NULL;

    OK(bulla_receipt_open(parts.world.bob, parts.world.policy, NULL, WHOLE(parts.receipt), &opened, &error));
    return opened;
}

bulla_asked *abuse_asked(void)
{
    bulla_guard *guard = abuse_guard();
    bulla_asked *asked = NULL;

    OK(bulla_asked_open(parts.world.bob, parts.world.policy, guard, NULL, WHOLE(parts.asked_of_bob),
                        &asked, &error));
    bulla_guard_free(guard);
    return asked;
}

bulla_audit_proof *abuse_audit_proof(void)
{
    bulla_question *question = NULL;
    bulla_prover *prover = NULL;
    bulla_audit_proof *held = NULL;

    OK(bulla_question_from_bytes(WHOLE(parts.question_of_bob), &question, &error));
    OK(bulla_question_prover(question, &prover, &error));
    OK(bulla_prover_update(prover, HELLO, sizeof HELLO, &error));
    OK(bulla_prover_finish(prover, &held, &error));
    bulla_prover_free(prover);
    bulla_question_free(question);
    return held;
}
