#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace tenure::cli {

/// What `tenure help …` and a mistyped word become, before a parser sees the words: pure functions
/// over the command table. `words` are what was typed after the program's name.

/// "help models list" in the form that every command knows: "models list --help".
std::vector<std::string> help_as_option(std::vector<std::string> words);

/// The first word that no command, or the first option that the command does not have, with what
/// was probably meant; nothing when all of them are known. A noun without its verb is no error
/// here. Errors: kInvalidArgument.
std::optional<core::Error> unknown_word(std::span<const Command> table,
                                        std::span<const std::string> words);

}  // namespace tenure::cli
