/*
 * Settles with a receipt what send.c sent, and tells what nobody answered in time.
 *
 *   settle DATABASE KEYFILE < receipt
 *   settle DATABASE                      only tells; from time to time, for where no receipt comes nobody else does
 * Exit status: 0 settled; 2 no receipt for this key; 3 refused, or the recipient rejected the message; 4 try again later; 1 anything else.
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void show(const char *what, const bulla_outbox_entry *entry)
{
    printf("%s: %.*s\n", what, (int)entry->told.length, (const char *)entry->told.data);
}

/* The receipt is opened and checked: it is the recipient's, and about what is in the outbox. It may come again, and changes nothing then. */
static bulla_status settle(const bulla_outbox *outbox, const bulla_identity *me, const uint8_t *receipt, size_t length, int *rejected,
                           bulla_error *error)
{
    bulla_settled *settled = NULL;
    bulla_outbox_entry entry;
    bulla_status status = bulla_outbox_settle(outbox, me, NULL, receipt, length, &settled, error);

    if (status == BULLA_OK && (status = bulla_settled_entry(settled, &entry, error)) == BULLA_OK) {
        *rejected = entry.state == BULLA_OUTBOX_REJECTED;
        show(*rejected ? "rejected" : entry.state == BULLA_OUTBOX_SETTLED ? "settled" : "waiting", &entry);
    }
    bulla_settled_free(settled);
    return status;
}

/* Each is told once, and is a failure that somebody is to hear of. */
static bulla_status give_up(const bulla_outbox *outbox, bulla_error *error)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    size_t at;
    bulla_status status = bulla_outbox_give_up(outbox, (uint64_t)time(NULL), &list, error);

    for (at = 0; status == BULLA_OK && at < bulla_entry_list_count(list); at++)
        if ((status = bulla_entry_list_at(list, at, &entry, error)) == BULLA_OK)
            printf("given up: what was sent %u times in the context %.*s\n", (unsigned)entry.attempts, (int)entry.context.length,
                   (const char *)entry.context.data);
    bulla_entry_list_free(list);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t receipt[65536]; /* far more than one has */
    bulla_database *database = NULL;
    bulla_outbox *outbox = NULL;
    bulla_identity *me = NULL;
    bulla_error error;
    int rejected = 0;
    size_t length = argc == 3 ? fread(receipt, 1, sizeof receipt, stdin) : 0;
    bulla_status status = argc != 2 && argc != 3 ? BULLA_INVALID_INPUT : ferror(stdin) ? BULLA_IO : BULLA_OK, told;

    if (status == BULLA_OK && (status = bulla_database_open_existing(argv[1], &database, &error)) == BULLA_OK &&
        (status = bulla_outbox_new(database, NULL, &outbox, &error)) == BULLA_OK) {
        if (argc == 3 && (status = bulla_identity_load(argv[2], getenv("BULLA_PASSPHRASE"), &me, &error)) == BULLA_OK)
            status = settle(outbox, me, receipt, length, &rejected, &error);
        /* Also after what is no receipt. */
        if ((told = give_up(outbox, &error)) != BULLA_OK && status == BULLA_OK)
            status = told;
    }
    if (status == BULLA_OK && fflush(stdout) != 0)
        status = BULLA_IO; /* What was settled stays so; a receipt may be given again. */
    if (status != BULLA_OK)
        fprintf(stderr, "settle: %s: %s\n", bulla_status_name(status), bulla_status_text(status));
    bulla_identity_free(me);
    bulla_outbox_free(outbox);
    bulla_database_free(database);
    return status == BULLA_OK && rejected ? (int)BULLA_CLASS_REFUSED : (int)bulla_status_class(status);
}
