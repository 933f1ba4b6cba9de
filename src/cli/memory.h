// SPDX-License-Identifier: Apache-2.0
/*
 * An agent that must not be noticed: for its memory size counts for more than speed.
 */
#pragma once

/* Call it before anything is allocated. */
void memory_keep_small(void);

/* Gives back what only the start needed: call it when everything runs. */
void memory_forget_start(void);
