#!/bin/sh
# The engine is pure: an allow-list over the symbols that its library wants from outside. No clock,
# socket, thread, file, log, randomness or environment; memory by calloc alone, and that only in
# functions whose name ends in _new or _init: nothing on the packet path allocates.
#
# usage: tests/arch/purity.sh [LIBRARY]
#
# Without LIBRARY it checks libcore.a, and itself: a library with seeded violations must be reported.
set -eu

build=${UPLINKD_BUILD:-build}
cc=${UPLINKD_CC:-cc}

allowed='
assert	__assert_fail __stack_chk_fail
memory	calloc free
string	bcmp memchr memcmp memcpy memmove memset strcmp strlen strncmp
	__memcpy_chk __memmove_chk __memset_chk
arith	__divti3 __modti3 __udivti3 __umodti3 qsort
openssl	CRYPTO_memcmp HMAC OPENSSL_cleanse SHA256
	EVP_CIPHER_CTX_ctrl EVP_CIPHER_CTX_free EVP_CIPHER_CTX_new EVP_CIPHER_fetch EVP_CIPHER_free
	EVP_CipherFinal_ex EVP_CipherInit_ex EVP_CipherUpdate EVP_DecryptFinal_ex EVP_DecryptInit_ex
	EVP_DecryptUpdate EVP_EncryptFinal_ex EVP_EncryptInit_ex EVP_EncryptUpdate EVP_PKEY_CTX_free
	EVP_PKEY_CTX_new EVP_PKEY_derive EVP_PKEY_derive_init EVP_PKEY_derive_set_peer EVP_PKEY_free
	EVP_PKEY_get_raw_public_key EVP_PKEY_new_raw_private_key EVP_PKEY_new_raw_public_key
	EVP_aes_256_gcm EVP_sha256
'

# What instrumented builds add by themselves.
instrumented='^(__asan_|__ubsan_|__sanitizer_|__sancov_|__gcov_|_GLOBAL_OFFSET_TABLE_)'

check() {
	nm -u "$1" 2>/dev/null | awk 'NF == 2 && $1 == "U" { print $2 }' | sort -u >"$work/wanted"
	nm --defined-only "$1" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDRBCVW]/ { print $3 }' |
		sort -u >"$work/defined"
	printf '%s\n' "$allowed" | sed 's/^[a-z]*\t//' | xargs -n 1 |
		sort -u >"$work/allowed"
	sort -u "$work/defined" "$work/allowed" | comm -23 "$work/wanted" - |
		grep -Ev "$instrumented" | sed 's/$/: reaches outside the core/' >"$work/found" || true
	objdump -dr "$1" 2>/dev/null | awk '
		/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); sub(/\..*/, "", name) }
		/R_[A-Z0-9_]+[ \t]+calloc/ && name !~ /_(new|init)$/ { print name ": allocates" }
		' | sort -u >>"$work/found"
	cat "$work/found"
	test ! -s "$work/found"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -gt 0 ]; then
	check "$1"
	exit
fi

if check "$build/libcore.a"; then
	echo "ok - the core reaches for nothing outside"
else
	echo "not ok - the core reaches for nothing outside"
	exit 1
fi

cat >"$work/seeded.c" <<'CODE'
extern long time(long *);
extern int rand(void);
extern void *calloc(unsigned long, unsigned long), *malloc(unsigned long);
extern int printf(const char *, ...);
long seeded(void);
long seeded(void)
{
	return time(0) + rand() + printf("x") + (calloc(1, 1) == malloc(1));
}
CODE
$cc -fno-builtin -c -o "$work/seeded.o" "$work/seeded.c"
ar rcs "$work/libseeded.a" "$work/seeded.o"
found=$(check "$work/libseeded.a" | wc -l) || true
if [ "$found" -eq 5 ]; then
	echo "ok - seeded violations are found"
else
	echo "not ok - of 5 seeded violations $found are found"
	check "$work/libseeded.a" || true
	exit 1
fi
