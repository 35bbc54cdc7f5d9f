/*
 * One of the parties of tests/exchange/run, in C over the installed library:
 *
 *     exchange keygen KEYFILE                               > identity line
 *     exchange seal KEYFILE RECIPIENT SENT        < content > envelope        writes what was sent to the file SENT
 *     exchange open KEYFILE SENDER               < envelope > content
 *     exchange receipt KEYFILE SENDER            < envelope > receipt
 *     exchange settle KEYFILE RECIPIENT SENT     < receipt  > status          "delivered" or "stored"
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT "exchange"

static bulla_error error;

/* Whatever fails ends it, and the system takes back what was not freed: in this program alone. */
static void must(bulla_status status)
{
    if (status != BULLA_OK) {
        fprintf(stderr, "exchange: %s\n", status < 100 ? error.text : bulla_status_name(status));
        exit(1);
    }
}

static void write_out(const uint8_t *data, size_t length)
{
    if (fwrite(data, 1, length, stdout) != length || fflush(stdout) != 0)
        exit(1);
}

static bulla_buffer *buffer(void)
{
    bulla_buffer *made = NULL;

    must(bulla_buffer_new(&made, &error));
    return made;
}

static bulla_buffer *input(void)
{
    static uint8_t piece[65536];
    bulla_buffer *all = buffer();
    size_t length;

    while ((length = fread(piece, 1, sizeof piece, stdin)) > 0)
        must(bulla_buffer_append(all, piece, length, &error));
    return all;
}

static bulla_public *public_of(const bulla_identity *identity)
{
    bulla_public *made = NULL;

    must(bulla_identity_public(identity, &made, &error));
    return made;
}

static void keygen(const char *file)
{
    bulla_identity *identity = NULL;
    bulla_buffer *line = buffer();

    must(bulla_identity_generate(&identity, &error));
    must(bulla_identity_save(identity, file, NULL, &error));
    must(bulla_public_line(public_of(identity), line, &error));
    must(bulla_buffer_append(line, (const uint8_t *)"\n", 1, &error));
    write_out(bulla_buffer_data(line), bulla_buffer_length(line));
}

static void seal(const bulla_identity *me, const bulla_public *recipient, const char *file)
{
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_buffer *content = input(), *envelope = buffer();
    bulla_sent sent;
    FILE *kept;

    must(bulla_sealer_new(me, &sealer, &error));
    must(bulla_sealer_to(sealer, recipient, &error));
    must(bulla_draft_new(CONTEXT, &draft, &error));
    must(bulla_draft_ask_receipts(draft, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_STORED, public_of(me), &error));
    must(bulla_seal(sealer, draft, bulla_buffer_data(content), bulla_buffer_length(content), envelope, &sent, &error));
    kept = fopen(file, "wb");
    if (kept == NULL || fwrite(&sent, sizeof sent, 1, kept) != 1 || fclose(kept) != 0)
        exit(1);
    write_out(bulla_buffer_data(envelope), bulla_buffer_length(envelope));
}

static bulla_policy *policy_of(const bulla_public *sender)
{
    bulla_policy *policy = NULL;

    must(bulla_policy_new(CONTEXT, &policy, &error));
    must(bulla_policy_allow_identity(policy, sender, &error));
    return policy;
}

static bulla_opener *opener_of(const bulla_identity *me, const bulla_public *sender)
{
    bulla_guard *guard = NULL;
    bulla_opener *opener = NULL;

    must(bulla_guard_in_memory(NULL, &guard, &error));
    must(bulla_opener_new(me, policy_of(sender), guard, &opener, &error));
    return opener;
}

static void open_it(const bulla_identity *me, const bulla_public *sender)
{
    bulla_buffer *envelope = input(), *content = buffer();
    bulla_message *message = NULL;

    must(bulla_open(opener_of(me, sender), bulla_buffer_data(envelope), bulla_buffer_length(envelope), content, &message, &error));
    write_out(bulla_buffer_data(content), bulla_buffer_length(content));
}

static void receipt(const bulla_identity *me, const bulla_public *sender)
{
    bulla_buffer *envelope = input(), *content = buffer();
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;
    bulla_view told;

    must(bulla_open_leased(opener_of(me, sender), bulla_buffer_data(envelope), bulla_buffer_length(envelope), 60, content, &lease,
                           &answer, &error));
    must(bulla_receipter_new(me, &receipter, &error));
    must(bulla_receipter_accept(receipter, lease, &answer, &error));
    told = bulla_answer_receipt(answer);
    write_out(told.data, told.length);
}

static void settle(const bulla_identity *me, const bulla_public *recipient, const char *file)
{
    bulla_buffer *envelope = input();
    bulla_receipt *opened = NULL;
    bulla_sent sent;
    size_t which;
    FILE *kept = fopen(file, "rb");

    if (kept == NULL || fread(&sent, sizeof sent, 1, kept) != 1)
        exit(1);
    fclose(kept);
    must(bulla_receipt_open(me, policy_of(recipient), NULL, bulla_buffer_data(envelope), bulla_buffer_length(envelope), &opened,
                            &error));
    must(bulla_receipt_check(opened, &sent, 1, &which, &error));
    switch (bulla_receipt_status(opened)) {
    case BULLA_STATUS_DELIVERED: puts("delivered"); break;
    case BULLA_STATUS_STORED: puts("stored"); break;
    default: exit(1);
    }
}

int main(int argc, char **argv)
{
    bulla_identity *me = NULL;
    bulla_public *other = NULL;

    if (argc == 3 && strcmp(argv[1], "keygen") == 0) {
        keygen(argv[2]);
        return 0;
    }
    if (argc < 4)
        return 1;
    must(bulla_identity_load(argv[2], NULL, &me, &error));
    must(bulla_public_parse(argv[3], &other, &error));
    if (strcmp(argv[1], "open") == 0)
        open_it(me, other);
    else if (strcmp(argv[1], "receipt") == 0)
        receipt(me, other);
    else if (argc == 5 && strcmp(argv[1], "seal") == 0)
        seal(me, other, argv[4]);
    else if (argc == 5 && strcmp(argv[1], "settle") == 0)
        settle(me, other, argv[4]);
    else
        return 1;
    return 0;
}
