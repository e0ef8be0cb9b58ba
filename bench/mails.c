/*
 * mails FOLDER FIRST COUNT USERS: writes COUNT mails of 1 to 12 KiB as a Maildir server keeps them:
 * FOLDER/user00000/Maildir/cur/... They come to USERS mailboxes in turn. Each follows from its number, FIRST and up,
 * alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "text.h"

#define MAIL_MIN   1024u
#define MAIL_MAX   12288u
#define PEOPLE     400u
#define START_TIME 1795226400 /* 2026-11-21T02:00:00Z */

struct mail {
	char text[MAIL_MAX + 2048];
	size_t len;
};

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST) {
		perror(path);
		exit(1);
	}
}

static void make_mailbox(const char *folder, unsigned user)
{
	static const char *const parts[] = { "", "/Maildir", "/Maildir/cur", "/Maildir/new", "/Maildir/tmp" };
	char path[4096];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(path, sizeof path, "%s/user%05u%s", folder, user, parts[i]);
		make_folder(path);
	}
}

static void header(struct text *t, struct mail *mail, unsigned user, uint64_t number)
{
	const char *host = t->words[200 + skewed(t, 300)], *from = t->words[500 + skewed(t, PEOPLE)];
	const char *subject = t->words[skewed(t, WORDS)], *more = t->words[skewed(t, WORDS)];
	time_t second = (time_t)(START_TIME - 30000000 + number * 37);
	unsigned address = below(t, 65536);
	uint64_t id = next(t), queue = next(t) >> 24;
	struct tm tm;
	char when[64];

	strftime(when, sizeof when, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&second, &tm));
	mail->len = (size_t)sprintf(
		mail->text,
		"Return-Path: <%s@%s.example>\nDelivered-To: user%05u@mail.example\nReceived: from mx.%s.example "
		"(mx.%s.example "
		"[10.3.%u.%u])\n\tby mail.example (Postfix) with ESMTPS id %010" PRIX64
		"\n\tfor <user%05u@mail.example>; %s\nFrom: %s "
		"<%s@%s.example>\nTo: user%05u@mail.example\nSubject: %s %s\nDate: %s\nMessage-ID: <%016" PRIx64
		"@%s.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
		"8bit\n\n",
		from, host, user, host, host, address >> 8, address & 255, queue, user, when, from, from, host, user,
		subject, more, when, id, host);
}

/* Paragraphs of sentences, in lines of some 72 characters. */
static void paragraphs(struct text *t, struct mail *mail, size_t size)
{
	unsigned column = 0;

	while (mail->len < size) {
		const char *word = t->words[skewed(t, WORDS)];
		unsigned end = below(t, 60);

		column += (unsigned)strlen(word) + 1;
		mail->len += (size_t)sprintf(mail->text + mail->len, "%.15s%s%s", word, end < 5 ? "." : "",
					     end == 0      ? "\n\n"
					     : column > 64 ? "\n"
							   : " ");
		if (end == 0 || column > 64)
			column = 0;
	}
	mail->len += (size_t)sprintf(mail->text + mail->len, "\n");
}

static void write_mail(const char *folder, unsigned user, uint64_t number, const struct mail *mail)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/user%05u/Maildir/cur/%" PRIu64 ".M%06" PRIu64 "P71.mail,S=%zu:2,S", folder,
		 user, START_TIME - 30000000 + number * 37, number * 7919 % 1000000, mail->len);
	file = fopen(path, "w");
	if (!file || fwrite(mail->text, 1, mail->len, file) != mail->len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct text t;
	static struct mail mail;
	uint64_t first, count;
	unsigned users;

	if (argc != 5) {
		fputs("usage: mails FOLDER FIRST COUNT USERS\n", stderr);
		return 2;
	}
	first = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	users = (unsigned)strtoul(argv[4], NULL, 10);
	make_words(&t);
	for (uint64_t number = first; number < first + count; number++) {
		unsigned user = (unsigned)(number % users);

		if (number < first + users)
			make_mailbox(argv[1], user);
		t.random = number * 0x100000001b3u;
		header(&t, &mail, user, number);
		paragraphs(&t, &mail, MAIL_MIN + below(&t, MAIL_MAX - MAIL_MIN - 80));
		write_mail(argv[1], user, number, &mail);
	}
	return 0;
}
