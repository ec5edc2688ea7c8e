/* The library that is loaded. */
int nothing(void);

int nothing(void)
{
	return 0;
}
