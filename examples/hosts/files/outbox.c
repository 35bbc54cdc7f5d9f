#define _POSIX_C_SOURCE 200809L
#include "outbox.h"

#include <stdio.h>
#include <time.h>

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

/* What a line says of an entry. Of what another program has put there this one knows nothing but the note. */
static void describe(const bulla_outbox_entry *entry, char *line, size_t size, int with_folder)
{
    struct item item;

    if (send_read(entry, &item))
        snprintf(line, size, with_folder ? "%s to %s" : "%s", item.file, item.to);
    else
        snprintf(line, size, "(not of bulla-put) %.*s", (int)entry->note.length,
                 entry->note.length > 0 ? (const char *)entry->note.data : "");
}

int outbox_report(const struct sender *sender)
{
    static const char *const states[] = {"?", "awaited", "stored", "rejected", "given-up"};
    bulla_entry_list *list = NULL;
    bulla_error error;
    bulla_outbox_entry entry;
    char name[NAME_LENGTH], line[3 * NOTE_LINE];
    int result = EXIT_DONE;
    bulla_status status = bulla_outbox_list(sender->outbox, BULLA_FILTER_ALL, SIZE_MAX, &list, &error);

    for (size_t at = 0; status == BULLA_OK && at < bulla_entry_list_count(list); at++) {
        if ((status = bulla_entry_list_at(list, at, &entry, &error)) != BULLA_OK)
            break;
        name_of(&entry.header_digest, name);
        describe(&entry, line, sizeof line, 1);
        tell("%s %s tried %u times: %s %.*s", states[entry.state <= 4 ? entry.state : 0], name, (unsigned)entry.attempts, line,
             (int)entry.told.length, entry.told.length > 0 ? (const char *)entry.told.data : "");
        if (entry.state != BULLA_OUTBOX_SETTLED && result != EXIT_REFUSED)
            result = entry.state == BULLA_OUTBOX_REJECTED ? EXIT_REFUSED : EXIT_AWAITED;
    }
    bulla_entry_list_free(list);
    return told(status, &error, "the outbox") == BULLA_OK ? result : EXIT_USAGE;
}

long outbox_give_up(const struct sender *sender)
{
    bulla_entry_list *list = NULL;
    bulla_error error;
    bulla_outbox_entry entry;
    char name[NAME_LENGTH], line[3 * NOTE_LINE];
    long count = 0;

    if (told(bulla_outbox_give_up(sender->outbox, now(), &list, &error), &error, "the outbox") != BULLA_OK)
        return -1;
    for (size_t at = 0; at < bulla_entry_list_count(list); at++)
        if (bulla_entry_list_at(list, at, &entry, NULL) == BULLA_OK) {
            name_of(&entry.header_digest, name);
            describe(&entry, line, sizeof line, 0);
            tell("given-up %s %s", name, line);
            count++;
        }
    bulla_entry_list_free(list);
    return count;
}

bulla_status outbox_tidy(const struct sender *sender, uint64_t forget)
{
    bulla_error error;
    bulla_status status = bulla_outbox_clean(sender->outbox, &error);

    if (status == BULLA_OK && forget > 0)
        status = bulla_outbox_forget(sender->outbox, now() > forget ? now() - forget : 0, NULL, &error);
    return told(status, &error, "the outbox");
}

static bulla_status add(const struct sender *sender, struct delivery *delivery, uint32_t filter, int all)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;
    struct item item;
    bulla_status status = bulla_outbox_list(sender->outbox, filter, SIZE_MAX, &list, &error);

    for (size_t at = 0; status == BULLA_OK && at < bulla_entry_list_count(list); at++)
        if ((status = bulla_entry_list_at(list, at, &entry, &error)) == BULLA_OK && entry.state != BULLA_OUTBOX_REJECTED &&
            send_read(&entry, &item))
            status = delivery_add(delivery, &item, all || entry.next_due <= now());
    bulla_entry_list_free(list);
    return told(status, &error, "the outbox");
}

bulla_status outbox_waiting(const struct sender *sender, struct delivery *delivery, int all)
{
    bulla_status status = add(sender, delivery, BULLA_FILTER_WAITING, all);

    return status == BULLA_OK ? add(sender, delivery, BULLA_FILTER_FAILED, 0) : status;
}
