// SPDX-License-Identifier: Apache-2.0
/*
 * The subcommands. Each takes the arguments after its name and returns the exit status: 0, 1 when
 * it failed, 2 when it was called wrongly.
 */
#pragma once

int command_serve(int argc, char **argv);
int command_doctor(int argc, char **argv);
