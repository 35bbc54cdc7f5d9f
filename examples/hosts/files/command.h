/* Commands to a server of SFTP or FTP, in a list of libcurl's. */
#ifndef FILES_COMMAND_H
#define FILES_COMMAND_H

#include "place.h"

#include <curl/curl.h>

/* Adds a command about one file, whose name place_refuses() has looked at. NULL if there is no memory, and the list is as it was. */
struct curl_slist *command_add(struct curl_slist *list, const struct place *place, const char *verb, const char *name);
/* SFTP's rename does not write over a file: what is there is an earlier copy of the same envelope. NULL if there
 * is no memory. */
struct curl_slist *command_rename(const struct place *place, const char *from, const char *to);

#endif
