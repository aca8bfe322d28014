#pragma once

#include <string_view>

#include "core/result.h"

namespace tenure::cli {

/// Writes to standard output, all of it, and flushes. What cannot be written is remembered, for
/// check_output().
void write_output(std::string_view text);

/// Writes to standard error. A message that nobody can read must not end a run, so a failure is
/// passed over.
void write_message(std::string_view text);

/// Whether everything this process wrote to standard output so far has left it. Errors:
/// kResourceExhausted.
core::Result<> check_output();

/// Gives the program closed standard streams that refuse every use. Without them the next file that
/// is opened, a database perhaps, would get their number and receive the messages. Call before
/// anything is opened.
void occupy_closed_streams();

}  // namespace tenure::cli
