#include <map>
#include <set>

#include <fmt/format.h>

#include "cli/command.h"

namespace tenure::cli {
namespace {

constexpr std::string_view kCommonOptions = "--config --env --set --json --help";

/// Words that may follow each prefix of a command: "" → "run up data …", "data" → "generate …".
std::map<std::string, std::set<std::string>> words_after(std::span<const Command> commands) {
  std::map<std::string, std::set<std::string>> next;
  for (const Command& command : commands) {
    std::string prefix;
    std::size_t from = 0;
    while (from < command.name.size()) {
      const std::size_t end = std::min(command.name.find(' ', from), command.name.size());
      const std::string word(command.name.substr(from, end - from));
      next[prefix].insert(word);
      prefix += prefix.empty() ? word : " " + word;
      from = end + 1;
    }
  }
  next[""].insert("completion");
  next["completion"] = {"bash", "zsh", "fish"};
  return next;
}

std::string options_of(const Command& command) {
  std::string text;
  for (const Option& option : command.options)
    if (option.name.starts_with("-")) text += fmt::format("{} ", option.name);
  return text + std::string(kCommonOptions);
}

std::string bash(std::span<const Command> commands) {
  std::map<std::string, std::string> words_of;  // a command may have verbs and options
  for (const auto& [prefix, words] : words_after(commands))
    words_of[prefix] = fmt::format("{}", fmt::join(words, " "));
  for (const Command& command : commands) {
    std::string& words = words_of[std::string(command.name)];
    words += (words.empty() ? "" : " ") + options_of(command);
  }
  std::string cases;
  for (const auto& [prefix, words] : words_of)
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", prefix, words);
  return fmt::format(R"(# bash completion of tenure: source <(tenure completion bash)
_tenure() {{
  local prefix="" word words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case $word in -*) break ;; *.*|*/*) break ;; esac
    prefix="${{prefix:+$prefix }}$word"
  done
  case $prefix in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o filenames -F _tenure tenure
)",
                     cases);
}

std::string zsh(std::span<const Command> commands) {
  return "#compdef tenure\nautoload -Uz bashcompinit && bashcompinit\n" + bash(commands);
}

/// In single quotes for fish, where only ' and \ are special.
std::string fish_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string fish(std::span<const Command> commands) {
  std::string out = "# fish completion of tenure: tenure completion fish | source\n";
  for (const auto& [prefix, words] : words_after(commands)) {
    const std::string condition = prefix.empty()
                                      ? "__fish_use_subcommand"
                                      : fmt::format("__fish_seen_subcommand_from {}", prefix);
    out += fmt::format("complete -c tenure -f -n '{}' -a '{}'\n", condition, fmt::join(words, " "));
  }
  for (const Command& command : commands) {
    const auto last = command.name.substr(command.name.rfind(' ') + 1);
    for (const Option& option : command.options) {
      if (!option.name.starts_with("--")) continue;
      out += fmt::format("complete -c tenure -n '__fish_seen_subcommand_from {}' -l {} -d {}\n",
                         last, option.name.substr(2), fish_quote(option.help));
    }
  }
  return out;
}

}  // namespace

core::Result<std::string> completion_script(std::string_view shell,
                                            std::span<const Command> commands) {
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is not a known shell; expected bash, zsh or fish", shell)};
}

}  // namespace tenure::cli
