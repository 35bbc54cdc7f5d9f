#include "abuse_parts.h"

const char *abuse_what = "";
bulla_status abuse_answer = BULLA_OK;
struct abuse_parts parts;

static char line_text[1100];

const char *abuse_database_file(void)
{
    char name[32];

    snprintf(name, sizeof name, "abuse-%u.db", parts.databases);
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

static const uint8_t LONG[100000];

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

    OK(bulla_sealer_new(parts.world.bob, &sealer, &error));
    OK(bulla_sealer_to(sealer, parts.world.alice_public, &error));
    OK(bulla_draft_new("test", &draft, &error));
    OK(bulla_draft_ask_receipts(draft, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_REJECTED, parts.world.bob_public, &error));
    OK(bulla_seal(sealer, draft, HELLO, sizeof HELLO, parts.outgoing, &parts.outgoing_sent, &error));
    OK(bulla_seal(sealer, draft, LONG, sizeof LONG, parts.long_outgoing, &parts.long_sent, &error));
    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &parts.world.bob_key, &error));
    OK(bulla_opener_new(parts.world.alice, policy, parts.world.guard, &opener, &error));
    OK(bulla_open_leased(opener, WHOLE(parts.outgoing), 60, parts.world.content, &lease, &answer,
                         &error));
    OK(bulla_receipter_new(parts.world.alice, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    view = bulla_answer_receipt(answer);
    OK(bulla_buffer_append(parts.receipt, view.data, view.length, &error));
    OK(bulla_message_evidence(bulla_answer_message(answer), parts.evidence, &error));
    OK(bulla_armor(BULLA_ARMOR_ENVELOPE, WHOLE(parts.outgoing), parts.armored, &error));
    opened = abuse_receipt();
    OK(bulla_receipt_to_proof(opened, parts.proof, &error));
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

    OK(bulla_question_ask(parts.world.alice, NULL, parts.world.bob_public, "test", &parts.outgoing_sent, parts.asked_of_bob, &question, &error));
    bulla_question_free(question);
    OK(bulla_buffer_new(&envelope, &error));
    OK(bulla_question_ask(parts.world.bob, NULL, parts.world.alice_public, "test", &parts.outgoing_sent, envelope, &question, &error));
    OK(bulla_question_to_bytes(question, parts.question_of_bob, &error));
    OK(bulla_policy_new("test", &policy, &error));
    OK(bulla_policy_allow(policy, &parts.world.bob_key, &error));
    OK(bulla_asked_open(parts.world.alice, policy, parts.world.guard, NULL, WHOLE(envelope), &asked,
                        &error));
    held = abuse_audit_proof();
    OK(bulla_asked_answer(asked, parts.world.alice, NULL, held, parts.answer_of_alice, &error));
    bulla_audit_proof_free(held);
    bulla_asked_free(asked);
    bulla_question_free(question);
    bulla_policy_free(policy);
    bulla_buffer_free(envelope);
}

void abuse_begin(void)
{
    bulla_buffer **buffers[] = {&parts.outgoing, &parts.long_outgoing, &parts.receipt, &parts.proof, &parts.evidence, &parts.armored, &parts.asked_of_bob, &parts.question_of_bob, &parts.answer_of_alice};
    const uint8_t *content;
    size_t at;

    begin(&parts.world);
    for (at = 0; at < sizeof buffers / sizeof buffers[0]; at++)
        OK(bulla_buffer_new(buffers[at], &error));
    OK(bulla_draft_ask_receipts(parts.world.draft, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED,
                                parts.world.alice_public, &error));
    /* All that may be told of a message is. */
    OK(bulla_draft_sequence(parts.world.draft, HELLO, sizeof HELLO, 1, &error));
    OK(bulla_draft_attribute(parts.world.draft, "test", HELLO, sizeof HELLO, &error));
    OK(bulla_draft_expires_in(parts.world.draft, 3600, &error));
    seal_hello(&parts.world, NULL);
    OK(bulla_buffer_new(&parts.line, &error));
    OK(bulla_public_line(parts.world.bob_public, parts.line, &error));
    memcpy(line_text, WHOLE(parts.line));
    OK(bulla_buffer_new(&parts.key_file, &error));
    OK(bulla_identity_text(parts.world.bob, NULL, parts.key_file, &error));
    OK(bulla_buffer_new(&parts.detached, &error));
    content = abuse_bytes("", "content", &at);
    OK(bulla_sign_detached(parts.world.sealer, parts.world.draft, content, at, parts.detached, NULL, &error));
    remove(scratch("abuse.key"));
    OK(bulla_identity_save(parts.world.bob, scratch("abuse.key"), NULL, &error));
    begin_receipts();
    begin_questions();
    OK(bulla_database_open(abuse_database_file(), &parts.database, &error));
    if (failures > 0)
        exit(EXIT_FAILURE);
}

void abuse_end(void)
{
    bulla_buffer_free(parts.line);
    bulla_buffer_free(parts.key_file);
    bulla_buffer_free(parts.detached);
    bulla_buffer_free(parts.outgoing);
    bulla_buffer_free(parts.long_outgoing);
    bulla_buffer_free(parts.receipt);
    bulla_buffer_free(parts.proof);
    bulla_buffer_free(parts.evidence);
    bulla_buffer_free(parts.armored);
    bulla_buffer_free(parts.asked_of_bob);
    bulla_buffer_free(parts.question_of_bob);
    bulla_buffer_free(parts.answer_of_alice);
    bulla_database_free(parts.database);
    abuse_lists_end();
    remove(scratch("abuse.key"));
    end(&parts.world);
}

static void blame(const char *why)
{
    failed("abuse", 0, abuse_what, why);
}

void abuse_judge(bulla_status status, int wanted, const bulla_error *report)
{
    if (status < 0 || strcmp(bulla_status_name(status), "Unknown") == 0)
        blame("returned what is no status");
    if (status == BULLA_INTERNAL)
        blame("met a defect (BULLA_INTERNAL)");
    if (wanted >= 0 && status != wanted) {
        char why[128];

        snprintf(why, sizeof why, "%s instead of %s", bulla_status_name(status), bulla_status_name(wanted));
        blame(why);
    }
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

const char *abuse_sealed_file(void)
{
    FILE *file = fopen(scratch("abuse.bulla"), "rb");

    if (file == NULL && (file = fopen(scratch("abuse.bulla"), "wb")) != NULL)
        CHECK(fwrite(bulla_buffer_data(parts.world.envelope), 1, bulla_buffer_length(parts.world.envelope), file) ==
              bulla_buffer_length(parts.world.envelope));
    if (file != NULL)
        fclose(file);
    return scratch("abuse.bulla");
}

const char *abuse_text(const char *function, const char *parameter)
{
    if (strcmp(parameter, "line") == 0)
        return line_text;
    if (strcmp(function, "bulla_identity_load") == 0 || strcmp(function, "bulla_identity_replace") == 0)
        return scratch("abuse.key");
    if (strcmp(parameter, "url") == 0 && getenv("BULLA_SERVER") != NULL)
        return getenv("BULLA_SERVER");
    if (strcmp(function, "bulla_store_clean") == 0)
        return scratch(".");
    if (strcmp(function, "bulla_database_open_existing") == 0)
        return abuse_database_file();
    if (strcmp(function, "bulla_provisional_file_open") == 0)
        return abuse_sealed_file();
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
        {"bulla_receipt_open", parts.receipt},        {"bulla_outbox_settle", parts.receipt},
        {"bulla_outbox_put", parts.outgoing},         {"bulla_outgoing_write", parts.outgoing},
        {"bulla_receipt_proof_check", parts.proof},   {"bulla_evidence_check", parts.evidence},
        {"bulla_asked_open", parts.asked_of_bob},     {"bulla_question_from_bytes", parts.question_of_bob},
        {"bulla_question_answer", parts.answer_of_alice}, {"bulla_dearmor", parts.armored},
        {"bulla_armor_reader_update", parts.armored}, {"bulla_is_armored", parts.armored},
        {"bulla_inspect", parts.outgoing},
    };
    size_t at;

    if (strcmp(parameter, "envelope") == 0)
        buffer = strstr(function, "detached") != NULL ? parts.detached : parts.world.envelope;
    else if (strcmp(parameter, "text") == 0)
        buffer = parts.key_file;
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
