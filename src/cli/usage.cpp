#include "cli/usage.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/nearest.h"

namespace tenure::cli {
namespace {

constexpr std::string_view kCommonOptions[] = {"--config", "--env", "--set", "--json", "--help"};

/// The words that may follow `prefix` ("" or "models "), in the order of the table.
std::vector<std::string> words_after(std::span<const Command> table, const std::string& prefix) {
  std::vector<std::string> words;
  for (const Command& command : table) {
    if (!command.name.starts_with(prefix)) continue;
    std::string word(command.name.substr(prefix.size()));
    word = word.substr(0, word.find(' '));
    if (!std::ranges::count(words, word)) words.push_back(std::move(word));
  }
  if (prefix.empty()) words.emplace_back("completion");
  return words;
}

const Command* command_named(std::span<const Command> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Command::name);
  return found == table.end() ? nullptr : &*found;
}

std::optional<core::Error> unknown_option(const Command& command,
                                          std::span<const std::string> words) {
  std::vector<std::string> known(std::begin(kCommonOptions), std::end(kCommonOptions));
  for (const Option& option : command.options)
    if (option.name.starts_with("--")) known.emplace_back(option.name);
  for (const std::string& word : words) {
    if (word == "--") break;  // what follows are values
    if (!word.starts_with("--")) continue;
    const std::string name = word.substr(0, word.find('='));
    if (std::ranges::count(known, name)) continue;
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("tenure {0} has no option '{1}'{2}; see tenure {0} --help",
                                   command.name, name, core::did_you_mean(name, known))};
  }
  return std::nullopt;
}

core::Error unknown_command(std::string_view word, const std::string& prefix,
                            const std::vector<std::string>& known) {
  const std::string meant = core::did_you_mean(word, known);
  if (prefix.empty()) {
    return {core::ErrorCode::kInvalidArgument,
            fmt::format("'{}' is not a command{}; see tenure --help", word, meant)};
  }
  return {core::ErrorCode::kInvalidArgument,
          fmt::format("tenure {}has no command '{}'{}; there are: {}", prefix, word, meant,
                      fmt::join(known, ", "))};
}

}  // namespace

std::vector<std::string> help_as_option(std::vector<std::string> words) {
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

std::optional<core::Error> unknown_word(std::span<const Command> table,
                                        std::span<const std::string> words) {
  std::string prefix;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h" || word == "--version") return std::nullopt;
    if (word.starts_with('-')) {
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("'{}' stands before the command it is for; write tenure {}COMMAND {} …", word,
                      prefix, word)};
    }
    const std::vector<std::string> known = words_after(table, prefix);
    if (!std::ranges::count(known, word)) return unknown_command(word, prefix, known);
    const std::string name = prefix + word;
    if (name == "completion") return std::nullopt;
    const Command* const command = command_named(table, name);
    prefix = name + " ";
    if (command == nullptr) continue;
    // A command may have verbs besides: "traffic", and "traffic take-out".
    const std::vector<std::string> verbs = words_after(table, prefix);
    const bool is_followed = i + 1 < words.size() && !words[i + 1].starts_with('-');
    if (verbs.empty() || !is_followed) return unknown_option(*command, words.subspan(i + 1));
  }
  return std::nullopt;
}

}  // namespace tenure::cli
