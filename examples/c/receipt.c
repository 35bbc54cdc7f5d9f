/*
 * Stores what comes, and answers with a receipt:   receipt KEYFILE SENDER CONTEXT DATABASE FOLDER < envelope > receipt
 *
 * A copy gets the same receipt, and nothing is stored twice.
 * Exit status: 0 dealt with; 2 not acceptable; 3 refused, or rejected; 4 try again later (also where this disk fails); 1 anything else.
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>

struct host { bulla_identity *me; bulla_store *store; bulla_receipter *receipter; };

static bulla_status set_up(struct host *host, char **argv, bulla_error *error)
{
    bulla_public *sender = NULL;
    bulla_policy *policy = NULL;
    bulla_database *database = NULL;
    bulla_guard *guard = NULL;
    bulla_opener *opener = NULL;
    bulla_status status;

    if ((status = bulla_identity_load(argv[1], getenv("BULLA_PASSPHRASE"), &host->me, error)) == BULLA_OK &&
        (status = bulla_public_parse(argv[2], &sender, error)) == BULLA_OK &&
        (status = bulla_policy_new(argv[3], &policy, error)) == BULLA_OK &&
        (status = bulla_policy_allow_identity(policy, sender, error)) == BULLA_OK &&
        (status = bulla_database_open(argv[4], &database, error)) == BULLA_OK &&
        (status = bulla_guard_durable(database, NULL, &guard, error)) == BULLA_OK &&
        (status = bulla_opener_new(host->me, policy, guard, &opener, error)) == BULLA_OK &&
        (status = bulla_store_new(opener, 60, &host->store, error)) == BULLA_OK &&
        (status = bulla_store_max_content(host->store, (uint64_t)1 << 30, error)) == BULLA_OK)
        status = bulla_receipter_new(host->me, &host->receipter, error);
    /* What is in use keeps what it needs. */
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    bulla_database_free(database);
    bulla_policy_free(policy);
    bulla_public_free(sender);
    return status;
}

/* Stores an envelope, and commits it: the answer, if there is one, may then be sent. */
static bulla_status take(struct host *host, const char *folder, bulla_answer **answer, bulla_error *error)
{
    static uint8_t piece[65536];
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    size_t length;
    bulla_status status = bulla_store_stream_new(host->store, BULLA_TARGET_BY_ID, folder, &stream, error);

    if (status != BULLA_OK)
        return status;
    do {
        length = fread(piece, 1, sizeof piece, stdin);
        status = bulla_store_stream_update(stream, piece, length, error);
    } while (status == BULLA_MORE && length > 0);
    if (ferror(stdin)) /* Where reading fails is not where the envelope ends. */
        status = BULLA_IO;
    else if (status == BULLA_OK || status == BULLA_MORE)
        status = bulla_store_stream_finish(stream, &lease, answer, error);
    if (status == BULLA_OK)
        status = bulla_receipter_accept(host->receipter, lease, answer, error);
    else if (status == BULLA_TOO_LARGE)
        status = bulla_receipter_reject(host->receipter, lease, BULLA_REASON_TOO_LARGE, "at most 1 GiB", answer, error);
    /* With BULLA_NO_ROOM the lease is released here: the message may come again when there is room. */
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    return status;
}

int main(int argc, char **argv)
{
    struct host host = {NULL, NULL, NULL};
    bulla_error error;
    bulla_answer *answer = NULL;
    bulla_status status;
    int result;
    if (argc != 6)
        return fprintf(stderr, "usage: receipt KEYFILE SENDER CONTEXT DATABASE FOLDER < envelope > receipt\n"), 1;
    status = set_up(&host, argv, &error);
    if (status == BULLA_OK)
        status = take(&host, argv[5], &answer, &error);
    if (status != BULLA_OK)
        fprintf(stderr, "receipt: %s: %s\n", bulla_status_name(status), bulla_status_text(status));
    result = status == BULLA_IO ? BULLA_CLASS_TRY_AGAIN : (int)bulla_status_class(status);
    if (answer != NULL) {
        bulla_view receipt = bulla_answer_receipt(answer);

        result = bulla_answer_outcome(answer) == BULLA_OUTCOME_REJECTED ? 3 : 0;
        if ((receipt.length > 0 && fwrite(receipt.data, 1, receipt.length, stdout) != receipt.length) || fflush(stdout) != 0)
            result = 1; /* A copy gets it. */
    } else if (result == BULLA_CLASS_ANSWER) {
        result = 4; /* No room for it, or its author may not be told now: it may come again. */
    }
    bulla_answer_free(answer);
    bulla_receipter_free(host.receipter);
    bulla_store_free(host.store);
    bulla_identity_free(host.me);
    return result;
}
