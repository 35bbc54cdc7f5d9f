#include "command.h"

#include <stdio.h>

/* SFTP wants names in quotes; FTP takes the rest of the line, in the folder of the URL. */
struct curl_slist *command_add(struct curl_slist *list, const struct place *place, const char *verb, const char *name)
{
    char line[5 * LONGEST]; /* two paths, each character of which may need a backslash */
    size_t at = (size_t)snprintf(line, sizeof line, place->scheme == SFTP ? "%s \"" : "%s ", verb);
    const char *parts[] = {place->scheme == SFTP ? place->folder : "", name};

    for (size_t which = 0; which < 2; which++)
        for (const char *from = parts[which]; *from != '\0' && at < sizeof line - 3; from++) {
            if (place->scheme == SFTP && (*from == '"' || *from == '\\'))
                line[at++] = '\\';
            line[at++] = *from;
        }
    if (place->scheme == SFTP)
        line[at++] = '"';
    line[at] = '\0';
    return curl_slist_append(list, line);
}

/* All of them or none: without the second one nothing would have its name. */
static struct curl_slist *both(struct curl_slist *first, const struct place *place, const char *verb, const char *name)
{
    struct curl_slist *list = first != NULL ? command_add(first, place, verb, name) : NULL;

    if (list == NULL)
        curl_slist_free_all(first);
    return list;
}

struct curl_slist *command_rename(const struct place *place, const char *from, const char *to)
{
    if (place->scheme == FTP)
        return both(command_add(NULL, place, "RNFR", from), place, "RNTO", to);
    struct curl_slist *one = command_add(NULL, place, "rename", from);
    struct curl_slist *list = one != NULL ? both(command_add(NULL, place, "*rm", to), place, one->data, to) : NULL;
    curl_slist_free_all(one);
    return list;
}
