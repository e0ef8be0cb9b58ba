#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "keys.h"
#include "report/json.h"

static void print_text(const char *path, const struct key_summary *s, const char *line)
{
	char shown[1024], fingerprint[FINGERPRINT_MAX], hex[2 * SIGN_PUBLIC_SIZE + 1];

	printf("%s: %s key, %s%s\n", log_printable(path, strlen(path), shown, sizeof shown),
	       s->secret ? "secret" : "public", role_name(s->public.role),
	       !s->secret      ? ""
	       : s->passphrase ? ", under a passphrase"
			       : ", not under a passphrase");
	printf("  fingerprint  %s\n", keys_fingerprint(&s->public, fingerprint));
	printf("  Ed25519      %s\n", hex_encode(s->public.sign, SIGN_PUBLIC_SIZE, hex));
	if (role_has_box(s->public.role))
		printf("  X25519       %s\n", hex_encode(s->public.box, BOX_PUBLIC_SIZE, hex));
	if (s->secret)
		printf("  its .pub     %s", line);
}

static void add_json(struct json *j, const char *path, const struct key_summary *s, const char *line)
{
	json_object(j);
	json_put_path(j, "file", path, strlen(path));
	json_put_text(j, "role", role_name(s->public.role));
	json_put_bool(j, "secret", s->secret);
	json_put_bool(j, "passphrase", s->passphrase);
	json_put_hex(j, "id", s->public.id, KEY_ID_SIZE);
	json_put_hex(j, "ed25519", s->public.sign, SIGN_PUBLIC_SIZE);
	json_key(j, "x25519");
	if (role_has_box(s->public.role))
		json_hex(j, s->public.box, BOX_PUBLIC_SIZE);
	else
		json_null(j);
	json_put_text(j, "public_line", line);
	json_close_object(j);
}

/* j: NULL for text. */
static int show_one(const char *path, struct json *j)
{
	struct key_summary summary;
	_buf_ struct buf line = { 0 };
	int code = key_summarize(path, &summary);

	buf_init(&line, KEY_FILE_MAX, "a public key");
	if (code == 0)
		code = key_public_text(&summary.public, &line);
	if (code == 0 && j != NULL)
		line.len--; /* the newline */
	if (code == 0)
		code = buf_terminate(&line);
	if (code != 0)
		return code;
	if (j != NULL)
		add_json(j, path, &summary, (const char *)line.data);
	else
		print_text(path, &summary, (const char *)line.data);
	return 0;
}

int keys_show(const struct common_options *common, const void *own, int argc, char **argv)
{
	struct json *j = common->json ? json_new() : NULL;
	int status = EXIT_DONE;

	(void)own;
	if (j != NULL)
		json_array(j);
	/* One bad file does not hide the others. */
	for (int i = 0; i < argc; i++) {
		int one = keys_end(show_one(argv[i], j));

		if (status == EXIT_DONE)
			status = one;
	}
	if (j != NULL) {
		json_close_array(j);

		int printed = keys_end(json_print(j, stdout));

		if (status == EXIT_DONE)
			status = printed;
	}
	json_free(j);
	return status;
}
