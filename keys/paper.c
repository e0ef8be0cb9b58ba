#include "crypto/paper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/io.h"
#include "base/log.h"
#include "keys.h"
#include "report/json.h"

/* clang-format off */
const struct option_row paper_rows[] = {
	{ .name = "check",
	  .help = "Compare a typed copy with the key's file.",
	  .offset = offsetof(struct paper_options, check),
	  .type = OPTION_FLAG },
	{ .name = "restore",
	  .help = "Make the key's files from a typed copy.",
	  .offset = offsetof(struct paper_options, restore),
	  .type = OPTION_FLAG },
	{ .name = "dir",
	  .value = "DIR",
	  .help = "With --restore: where the files go.",
	  .offset = offsetof(struct paper_options, dir),
	  .type = OPTION_TEXT,
	  .choices = "DIR" },
	{ 0 },
};
/* clang-format on */

/* A key's text without its newline, in guarded memory, and what it says of itself. */
struct sheet {
	struct buf text;
	struct key_summary summary;
};

static void sheet_release(struct sheet *s)
{
	buf_release(&s->text);
}
#define _sheet_ __attribute__((cleanup(sheet_release)))

static int check_secret(struct sheet *s, const char *what)
{
	if (!s->summary.secret)
		return failed(ERR_FORMAT, "'%s' is a public key: there is nothing secret to put on paper", what);
	while (strchr("\r\n ", s->text.data[s->text.len - 1]) != NULL)
		s->text.len--;
	return 0;
}

static int load_key(const char *path, struct sheet *s)
{
	int code = key_load_text(path, &s->text, &s->summary);

	return code != 0 ? code : check_secret(s, path);
}

/* Reads the descriptor itself: /dev/stdin cannot be opened where it is a socket. */
static int read_stdin(struct buf *out)
{
	uint8_t *at;
	size_t got;
	int code = buf_reserve(out, out->max, &at);

	if (code == 0)
		code = io_read(STDIN_FILENO, at, out->max, &got, "standard input");
	if (code != 0)
		return code;
	if (got == out->max)
		return failed(ERR_FORMAT, "standard input is no typed copy: it has more than %zu bytes", out->max);
	out->len = got;
	return 0;
}

/* path: "-" for standard input. */
static int load_typed(const char *path, struct sheet *s)
{
	_buf_ struct buf typed = { 0 };

	buf_init_guarded(&typed, PAPER_MAX, "a typed copy");
	buf_init_guarded(&s->text, KEY_FILE_MAX, "a key");

	int code = strcmp(path, "-") == 0 ? read_stdin(&typed) : io_load(path, &typed);

	if (code == 0)
		code = paper_decode((const char *)typed.data, typed.len, &s->text);
	if (code == 0)
		code = key_summarize_text((const char *)s->text.data, s->text.len, "the typed copy", &s->summary);
	return code != 0 ? code : check_secret(s, "the typed copy");
}

static const char *protection(const struct sheet *s)
{
	return s->summary.passphrase ? "under its passphrase, which this sheet does not hold: keep that elsewhere"
				     : "NOT under a passphrase: whoever has this sheet has the key";
}

static int text_of(const struct sheet *s, const struct buf *lines, struct buf *out)
{
	char fingerprint[FINGERPRINT_MAX];
	const char *role = role_name(s->summary.public.role);
	int code = buf_printf(
		out,
		"# Nightfold secret key: %s, fingerprint %s\n"
		"# %s.\n"
		"# To prove a typed copy:   nightfold-keys paper --check %s.key COPY\n"
		"# To make the key from it: nightfold-keys paper --restore COPY --dir DIR\n"
		"# Spaces, case and lines that begin with # do not matter; the last four digits are checksums.\n\n",
		role, keys_fingerprint(&s->summary.public, fingerprint), protection(s), role);

	return code != 0 ? code : buf_append(out, lines->data, lines->len);
}

/* By hand, since the JSON library's buffers are not guarded. The lines hold nothing that JSON escapes. */
static int json_of(const struct sheet *s, const struct buf *lines, struct buf *out)
{
	char id[FINGERPRINT_MAX];
	size_t at = 0;
	int code = buf_printf(out, "{\"role\":\"%s\",\"fingerprint\":\"%s\",\"passphrase\":%s,\"lines\":[",
			      role_name(s->summary.public.role), keys_fingerprint(&s->summary.public, id),
			      s->summary.passphrase ? "true" : "false");

	while (at < lines->len && code == 0) {
		const uint8_t *end = memchr(lines->data + at, '\n', lines->len - at);
		size_t len = end == NULL ? lines->len - at : (size_t)(end - lines->data) - at;

		code = buf_printf(out, "%s\"%.*s\"", at > 0 ? "," : "", (int)len, (const char *)lines->data + at);
		at += len + 1;
	}
	return code != 0 ? code : buf_printf(out, "]}\n");
}

static int print_key(const char *path, bool json)
{
	_sheet_ struct sheet sheet = { 0 };
	_buf_ struct buf lines = { 0 }, out = { 0 };
	int code = load_key(path, &sheet);

	buf_init_guarded(&lines, PAPER_MAX, "a sheet");
	buf_init_guarded(&out, 2 * PAPER_MAX, "a sheet");
	if (code == 0)
		code = paper_encode((const char *)sheet.text.data, sheet.text.len, &lines);
	if (code == 0)
		code = json ? json_of(&sheet, &lines, &out) : text_of(&sheet, &lines, &out);
	/* Not through stdio, whose buffer would keep the key. */
	return code != 0 ? code : io_write(STDOUT_FILENO, out.data, out.len, "standard output");
}

/* One line of text, or the fields of a result. */
static int print_result(bool json, const char *result, const struct key_summary *key, const char *dir)
{
	char fingerprint[FINGERPRINT_MAX];
	const char *role = role_name(key->public.role);

	if (!json && dir != NULL)
		printf("Restored %s/%s.key and %s.pub, fingerprint %s%s.\n", dir, role, role,
		       keys_fingerprint(&key->public, fingerprint),
		       key->passphrase ? ", under the passphrase that it had" : "");
	else if (!json)
		printf("The typed copy is right: %s key, fingerprint %s%s.\n", role,
		       keys_fingerprint(&key->public, fingerprint), key->passphrase ? ", under a passphrase" : "");
	if (!json)
		return 0;

	struct json *j = json_new();

	json_object(j);
	json_put_text(j, "result", result);
	json_put_text(j, "role", role);
	json_put_hex(j, "id", key->public.id, KEY_ID_SIZE);
	json_put_bool(j, "passphrase", key->passphrase);
	json_put_text(j, "dir", dir);
	json_close_object(j);

	int code = json_print(j, stdout);

	json_free(j);
	return code;
}

static int check_copy(const char *key_path, const char *typed_path, bool json)
{
	_sheet_ struct sheet key = { 0 }, typed = { 0 };
	int code = load_key(key_path, &key);

	if (code == 0)
		code = load_typed(typed_path, &typed);
	if (code != 0)
		return code;
	if (memcmp(key.summary.public.id, typed.summary.public.id, KEY_ID_SIZE) != 0) {
		char fingerprint[FINGERPRINT_MAX];

		return failed(ERR_KEY, "the typed copy is whole, but of another key than '%s': %s, fingerprint %s",
			      key_path, role_name(typed.summary.public.role),
			      keys_fingerprint(&typed.summary.public, fingerprint));
	}
	if (key.text.len != typed.text.len || sodium_memcmp(key.text.data, typed.text.data, key.text.len) != 0)
		return failed(ERR_KEY,
			      "the typed copy is of the key in '%s', but under another protection (%s): print it again",
			      key_path,
			      typed.summary.passphrase ? "a passphrase it had at another time" : "no passphrase");
	return print_result(json, "right", &typed.summary, NULL);
}

static int restore(const char *typed_path, const char *dir, bool json)
{
	_sheet_ struct sheet typed = { 0 };
	int code = load_typed(typed_path, &typed);

	if (code == 0)
		code = buf_append_byte(&typed.text, '\n');
	if (code == 0)
		code = key_check_absent(dir, typed.summary.public.role);
	if (code == 0)
		code = io_make_dirs(dir, 0700);
	if (code == 0)
		code = key_save_text(dir, (const char *)typed.text.data, typed.text.len);
	return code != 0 ? code : print_result(json, "restored", &typed.summary, dir);
}

static int check_usage(const struct paper_options *o, int argc)
{
	if (o->check && o->restore)
		return failed(ERR_USAGE, "--check and --restore exclude each other");
	if (o->restore != (o->dir != NULL))
		return failed(ERR_USAGE, "--restore and --dir DIR belong together");
	if (o->check && argc != 2)
		return failed(ERR_USAGE, "--check needs the key's file and the typed copy ('-': standard input)");
	if (!o->check && argc != 1)
		return failed(ERR_USAGE, "one file, not two: did you mean --check?");
	return 0;
}

int keys_paper(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct paper_options *o = own;
	int code = check_usage(o, argc);

	if (code != 0)
		return keys_end(code);
	if (o->check)
		return keys_end(check_copy(argv[0], argv[1], common->json));
	if (o->restore)
		return keys_end(restore(argv[0], o->dir, common->json));
	return keys_end(print_key(argv[0], common->json));
}
