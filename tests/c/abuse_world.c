#include "abuse_world.h"

const char *abuse_what = "";
bulla_status abuse_answer = BULLA_OK;

static struct world world;
static bulla_buffer *line, *key_file, *detached;
static char line_text[1100];

/* The other way: what bob sent to alice, and what she answered. */
static bulla_buffer *outgoing, *receipt, *proof, *evidence, *armored;
static bulla_buffer *asked_of_bob, *question_of_bob, *answer_of_alice; /* a question to him, his own one, and its answer */
static bulla_sent outgoing_sent;
static bulla_database *database; /* it stays open, so that to open it again is quick */
static unsigned databases;       /* that were spoilt, and replaced */

static const char *database_file(void)
{
    char name[32];

    snprintf(name, sizeof name, "abuse-%u.db", databases);
    return scratch(name);
}

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

/* Bob sends, with a wish for receipts; alice takes it, and answers. */
static void begin_receipts(void)
{
    bulla_sealer *sealer = NULL;
    bulla_policy *policy = NULL;
    bulla_opener *opener = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;
    bulla_receipt *opened = NULL;
    bulla_draft *draft = NULL;
    bulla_view view;

    OK(bulla_sealer_new(world.bob, &sealer, &error));
    OK(bulla_sealer_to(sealer, world.alice_public, &error));
    OK(bulla_draft_new("test", &draft, &error));
    OK(bulla_draft_ask_receipts(draft, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_REJECTED, world.bob_public, &error));
    OK(bulla_seal(sealer, draft, HELLO, sizeof HELLO, outgoing, &outgoing_sent, &error));
    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &world.bob_key, &error));
    OK(bulla_opener_new(world.alice, policy, world.guard, &opener, &error));
    OK(bulla_open_leased(opener, bulla_buffer_data(outgoing), bulla_buffer_length(outgoing), 60, world.content, &lease, &answer,
                         &error));
    OK(bulla_receipter_new(world.alice, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    view = bulla_answer_receipt(answer);
    OK(bulla_buffer_append(receipt, view.data, view.length, &error));
    OK(bulla_message_evidence(bulla_answer_message(answer), evidence, &error));
    OK(bulla_armor(BULLA_ARMOR_ENVELOPE, bulla_buffer_data(outgoing), bulla_buffer_length(outgoing), armored, &error));
    opened = abuse_receipt();
    OK(bulla_receipt_to_proof(opened, proof, &error));
    bulla_receipt_free(opened);
    bulla_receipter_free(receipter);
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_opener_free(opener);
    bulla_policy_free(policy);
    bulla_draft_free(draft);
    bulla_sealer_free(sealer);
}

static void begin_questions(void)
{
    bulla_buffer *envelope = NULL;
    bulla_question *question = NULL;
    bulla_asked *asked = NULL;
    bulla_policy *policy = NULL;
    bulla_audit_proof *held = NULL;

    OK(bulla_question_ask(world.alice, NULL, world.bob_public, "test", &outgoing_sent, asked_of_bob, &question, &error));
    bulla_question_free(question);
    OK(bulla_buffer_new(&envelope, &error));
    OK(bulla_question_ask(world.bob, NULL, world.alice_public, "test", &outgoing_sent, envelope, &question, &error));
    OK(bulla_question_to_bytes(question, question_of_bob, &error));
    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &world.bob_key, &error));
    OK(bulla_asked_open(world.alice, policy, world.guard, NULL, bulla_buffer_data(envelope), bulla_buffer_length(envelope), &asked,
                        &error));
    held = abuse_audit_proof();
    OK(bulla_asked_answer(asked, world.alice, NULL, held, answer_of_alice, &error));
    bulla_audit_proof_free(held);
    bulla_asked_free(asked);
    bulla_question_free(question);
    bulla_policy_free(policy);
    bulla_buffer_free(envelope);
}

void abuse_begin(void)
{
    bulla_buffer **buffers[] = {&outgoing, &receipt, &proof, &evidence, &armored, &asked_of_bob, &question_of_bob, &answer_of_alice};
    size_t at;

    begin(&world);
    for (at = 0; at < sizeof buffers / sizeof buffers[0]; at++)
        OK(bulla_buffer_new(buffers[at], &error));
    OK(bulla_draft_ask_receipts(world.draft, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED,
                                world.alice_public, &error));
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
    begin_receipts();
    begin_questions();
    OK(bulla_database_open(database_file(), &database, &error));
    if (failures > 0)
        exit(EXIT_FAILURE);
}

void abuse_end(void)
{
    bulla_buffer_free(line);
    bulla_buffer_free(key_file);
    bulla_buffer_free(detached);
    bulla_buffer_free(outgoing);
    bulla_buffer_free(receipt);
    bulla_buffer_free(proof);
    bulla_buffer_free(evidence);
    bulla_buffer_free(armored);
    bulla_buffer_free(asked_of_bob);
    bulla_buffer_free(question_of_bob);
    bulla_buffer_free(answer_of_alice);
    bulla_database_free(database);
    abuse_lists_end();
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

int abuse_given(const void *place, size_t size)
{
    const uint8_t *bytes = place;
    size_t at;

    for (at = 0; at < size; at++)
        if (bytes[at] != 0xA5)
            return 1;
    return 0;
}

/* What the sealed file for reading at any place is; written once. */
static const char *sealed_file(void)
{
    FILE *file = fopen(scratch("abuse.bulla"), "rb");

    if (file == NULL && (file = fopen(scratch("abuse.bulla"), "wb")) != NULL)
        CHECK(fwrite(bulla_buffer_data(world.envelope), 1, bulla_buffer_length(world.envelope), file) ==
              bulla_buffer_length(world.envelope));
    if (file != NULL)
        fclose(file);
    return scratch("abuse.bulla");
}

const char *abuse_text(const char *function, const char *parameter)
{
    if (strcmp(parameter, "line") == 0)
        return line_text;
    if (strcmp(function, "bulla_identity_load") == 0)
        return scratch("abuse.key");
    if (strcmp(function, "bulla_database_open_existing") == 0)
        return database_file();
    if (strcmp(function, "bulla_provisional_file_open") == 0)
        return sealed_file();
    if (strcmp(parameter, "file") == 0 || strcmp(parameter, "path") == 0 || strcmp(parameter, "folder") == 0 ||
        strcmp(parameter, "target") == 0) {
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

const uint8_t *abuse_bytes(const char *function, const char *parameter, size_t *length)
{
    const bulla_buffer *buffer = NULL;
    static const uint8_t SOME[64] = {'h', 'e', 'l', 'l', 'o'};
    const struct {
        const char *function;
        const bulla_buffer *buffer;
    } OTHERS[] = {
        {"bulla_receipt_open", receipt},        {"bulla_outbox_settle", receipt},
        {"bulla_outbox_put", outgoing},         {"bulla_outgoing_write", outgoing},
        {"bulla_receipt_proof_check", proof},   {"bulla_evidence_check", evidence},
        {"bulla_asked_open", asked_of_bob},     {"bulla_question_from_bytes", question_of_bob},
        {"bulla_question_answer", answer_of_alice}, {"bulla_dearmor", armored},
        {"bulla_armor_reader_update", armored}, {"bulla_is_armored", armored},
        {"bulla_inspect", outgoing},
    };
    size_t at;

    if (strcmp(parameter, "envelope") == 0)
        buffer = world.envelope;
    else if (strcmp(parameter, "text") == 0)
        buffer = key_file;
    for (at = 0; at < sizeof OTHERS / sizeof OTHERS[0]; at++)
        if (strcmp(function, OTHERS[at].function) == 0)
            buffer = OTHERS[at].buffer;
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

/* With a guard of its own: each finds the envelope new. */
bulla_opener *abuse_opener(void)
{
    bulla_opener *opener = NULL;
    bulla_guard *guard = abuse_guard();

    OK(bulla_opener_new(world.bob, world.policy, guard, &opener, &error));
    bulla_guard_free(guard);
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
    return world.alice_key;
}

bulla_sent abuse_sent(void)
{
    return outgoing_sent;
}

/* The time, and the answer that callbacks give. */
static bulla_status tell_time(void *context, uint64_t *now)
{
    (void)context;
    *now = outgoing_sent.issued + 1;
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
    bulla_buffer_clear(world.content);
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope) - 1,
                                            world.content, &error));
    bulla_opener_free(opener);
    return stream;
}

bulla_lease *abuse_lease(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;

    bulla_buffer_clear(world.content);
    OK(bulla_open_leased(opener, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), 60, world.content, &lease,
                         &again, &error));
    bulla_opener_free(opener);
    return lease;
}

bulla_answer *abuse_answered(void)
{
    bulla_lease *lease = abuse_lease();
    bulla_receipter *receipter = NULL;
    bulla_answer *answer = NULL;

    OK(bulla_receipter_new(world.bob, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    bulla_receipter_free(receipter);
    bulla_lease_free(lease);
    return answer;
}

bulla_store_stream *abuse_store_stream(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;

    OK(bulla_store_new(opener, 60, &store, &error));
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, abuse_text("bulla_store_stream_new", "target"), &stream, &error));
    before();
    if (bulla_store_stream_update(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), &error) !=
        BULLA_MORE)
        failed(__FILE__, __LINE__, "a stream of a store", error.text);
    bulla_store_free(store);
    bulla_opener_free(opener);
    return stream;
}

bulla_provisional_file *abuse_provisional_file(void)
{
    bulla_opener *opener = abuse_opener();
    bulla_provisional_file *file = NULL;

    OK(bulla_provisional_file_open(opener, sealed_file(), &file, &error));
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

    OK(bulla_database_open(database_file(), &again, &error));
    return again;
}

static bulla_status put(const bulla_outbox *outbox)
{
    bulla_letter *letter = NULL;
    bulla_status status;

    OK(bulla_letter_new(&outgoing_sent, "test", &world.alice_key, 1, UINT64_C(1) << 40, &letter, &error));
    before();
    status = bulla_outbox_put(outbox, letter, bulla_buffer_data(outgoing), bulla_buffer_length(outgoing), outgoing_sent.issued, &error);
    bulla_letter_free(letter);
    return status;
}

/* There is always the same in it: what was forgotten is put again, and what was given up goes into another file. */
bulla_outbox *abuse_outbox(void)
{
    bulla_outbox *outbox = NULL;

    OK(bulla_outbox_new(database, NULL, &outbox, &error));
    if (put(outbox) == BULLA_OK)
        return outbox;
    bulla_outbox_free(outbox);
    bulla_database_free(database);
    databases++;
    OK(bulla_database_open(database_file(), &database, &error));
    OK(bulla_outbox_new(database, NULL, &outbox, &error));
    OK(put(outbox));
    return outbox;
}

bulla_due_list *abuse_due_list(void)
{
    bulla_outbox *outbox = abuse_outbox();
    bulla_due_list *list = NULL;

    OK(bulla_outbox_take(outbox, &outgoing_sent.header_digest, outgoing_sent.issued, &list, &error));
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

    OK(bulla_outbox_settle(outbox, world.bob, NULL, bulla_buffer_data(receipt), bulla_buffer_length(receipt), &settled, &error));
    bulla_outbox_free(outbox);
    return settled;
}

bulla_receipt *abuse_receipt(void)
{
    bulla_receipt *opened = NULL;

    OK(bulla_receipt_open(world.bob, world.policy, NULL, bulla_buffer_data(receipt), bulla_buffer_length(receipt), &opened, &error));
    return opened;
}

bulla_asked *abuse_asked(void)
{
    bulla_guard *guard = abuse_guard();
    bulla_asked *asked = NULL;

    OK(bulla_asked_open(world.bob, world.policy, guard, NULL, bulla_buffer_data(asked_of_bob), bulla_buffer_length(asked_of_bob),
                        &asked, &error));
    bulla_guard_free(guard);
    return asked;
}

bulla_audit_proof *abuse_audit_proof(void)
{
    bulla_question *question = NULL;
    bulla_prover *prover = NULL;
    bulla_audit_proof *held = NULL;

    OK(bulla_question_from_bytes(bulla_buffer_data(question_of_bob), bulla_buffer_length(question_of_bob), &question, &error));
    OK(bulla_question_prover(question, &prover, &error));
    OK(bulla_prover_update(prover, HELLO, sizeof HELLO, &error));
    OK(bulla_prover_finish(prover, &held, &error));
    bulla_prover_free(prover);
    bulla_question_free(question);
    return held;
}
