/*
 * test_dense.c - the BLAS library of this machine passes the test that guards training
 */
#include "check.h"
#include "dense.h"

int
main(void)
{
	CHECK(dense_selftest());
	CHECK(dense_selftest()); /* it leaves nothing behind that would change a second answer */
	return check_finish();
}
