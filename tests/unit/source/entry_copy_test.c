#include "tree.h"

#include "source/entry_copy.h"

static void a_copy_outlives_what_it_was_made_of(void **state)
{
	char path[] = "a/b", user[] = "ann", group[] = "staff", target[] = "t", link[] = "first", name[] = "user.x",
	     value[] = "v\0w";
	struct extent extents[] = { { 0, 5 }, { 10, 20 } };
	struct xattr xattrs[] = { { name, (uint8_t *)value, 6, 3 }, { name, (uint8_t *)value, 6, 0 } };
	struct entry e = {
		.path = path,
		.path_len = 3,
		.type = ENTRY_FILE,
		.mode = 0640,
		.user = user,
		.user_len = 3,
		.group = group,
		.group_len = 5,
		.mtime = -5,
		.size = 30,
		.target = target,
		.target_len = 1,
		.link = link,
		.link_len = 5,
		.extents = extents,
		.extent_count = 2,
		.sparse = true,
		.xattrs = xattrs,
		.xattr_count = 2,
	};
	struct entry *copy = entry_copy(&e);

	(void)state;
	memset(path, 0, sizeof path);
	memset(user, 0, sizeof user);
	memset(group, 0, sizeof group);
	memset(target, 0, sizeof target);
	memset(link, 0, sizeof link);
	memset(name, 0, sizeof name);
	memset(value, 0, sizeof value);
	memset(extents, 0, sizeof extents);
	memset(xattrs, 0, sizeof xattrs);
	assert_string_equal(copy->path, "a/b");
	assert_string_equal(copy->user, "ann");
	assert_string_equal(copy->group, "staff");
	assert_string_equal(copy->target, "t");
	assert_string_equal(copy->link, "first");
	assert_true(copy->mode == 0640 && copy->mtime == -5 && copy->size == 30 && copy->sparse);
	assert_true(copy->extents[0].length == 5 && copy->extents[1].offset == 10 && copy->extents[1].length == 20);
	assert_string_equal(copy->xattrs[0].name, "user.x");
	assert_int_equal(copy->xattrs[0].value_len, 3);
	assert_memory_equal(copy->xattrs[0].value, "v\0w", 3);
	assert_int_equal(copy->xattrs[1].value_len, 0);
	free(copy);
}

static void what_is_absent_stays_absent(void **state)
{
	struct entry e = { .path = "", .type = ENTRY_FOLDER };
	struct entry *copy = entry_copy(&e);

	(void)state;
	assert_string_equal(copy->path, "");
	assert_true(copy->user == NULL && copy->link == NULL && copy->target == NULL && copy->extents == NULL &&
		    copy->xattrs == NULL);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_outlives_what_it_was_made_of),
		cmocka_unit_test(what_is_absent_stays_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
