#include "due.h"

#include "log.h"
#include "outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *state_name(const bulla_outbox_entry *entry)
{
    switch (entry->state) {
    case BULLA_OUTBOX_WAITING:
        return "waiting";
    case BULLA_OUTBOX_SETTLED:
        return entry->awaits_stored ? "stored" : "delivered";
    case BULLA_OUTBOX_REJECTED:
        return "rejected";
    case BULLA_OUTBOX_GIVEN_UP:
        return "no receipt";
    default:
        return "unknown";
    }
}

static void time_print(const char *what, uint64_t seconds)
{
    char date[32];
    time_t time = (time_t)seconds;
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%SZ", &parts);
    printf(", %s %s", what, date);
}

static void entry_print(const struct host *host, const bulla_outbox_entry *entry)
{
    struct outgoing outgoing = {0};
    struct header header = {0};
    struct text recipients = {0};
    char name[OUTGOING_NAME] = "", *id = NULL;

    if (entry->note.length == OUTGOING_NAME - 1)
        memcpy(name, entry->note.data, entry->note.length);
    if (name[0] != 0 && outgoing_read(host, name, &outgoing) == 0) {
        outgoing_recipients(&outgoing, &entry->recipient, &recipients);
        if (outgoing.header.data != NULL && header_parse(&header, outgoing.header.data, outgoing.header.length) >= 0)
            id = header_value(&header, "Message-ID");
    }
    printf("%-10s  %s -> %s  %s  sent %u time%s", state_name(entry), outgoing.from == NULL ? "?" : outgoing.from,
           recipients.data == NULL ? "?" : recipients.data, id == NULL ? "?" : id, entry->attempts, entry->attempts == 1 ? "" : "s");
    if (entry->state == BULLA_OUTBOX_WAITING) {
        time_print("again at", entry->next_due);
        time_print("until", entry->deadline);
    }
    if (entry->state == BULLA_OUTBOX_REJECTED && entry->told.length > 0)
        printf(": %.*s", (int)entry->told.length, (const char *)entry->told.data);
    printf("\n");
    free(id);
    text_free(&recipients);
    header_free(&header);
    outgoing_free(&outgoing);
}

int report(const struct host *host, int everything)
{
    size_t counts[BULLA_OUTBOX_GIVEN_UP + 1] = {0};
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;

    if (bulla_outbox_list(host->outbox, BULLA_FILTER_ALL, SIZE_MAX, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    for (size_t i = 0; i < bulla_entry_list_count(list); i++) {
        if (bulla_entry_list_at(list, i, &entry, &error) != BULLA_OK)
            continue;
        if (entry.state <= BULLA_OUTBOX_GIVEN_UP)
            counts[entry.state]++;
        if (everything || entry.state != BULLA_OUTBOX_SETTLED)
            entry_print(host, &entry);
    }
    printf("%zu waiting, %zu receipted, %zu rejected, %zu without receipt\n", counts[BULLA_OUTBOX_WAITING],
           counts[BULLA_OUTBOX_SETTLED], counts[BULLA_OUTBOX_REJECTED], counts[BULLA_OUTBOX_GIVEN_UP]);
    bulla_entry_list_free(list);
    return counts[BULLA_OUTBOX_REJECTED] + counts[BULLA_OUTBOX_GIVEN_UP] > 0;
}
