// Large pieces of memory, kept for the next call: pages.cpp.
#pragma once
#include <stddef.h>

/** At least `bytes`, whatever an earlier call left in them, at the start of a page; null where there is no memory. */
void* takePages(size_t bytes);
/** Gives back what `takePages` gave. */
void givePages(void* items);
