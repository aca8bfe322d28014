#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::cli {

/// One option of a command. Options are data: help, parsing and shell completion are made from
/// them.
struct Option {
  enum class Kind : std::uint8_t {
    kFlag,      ///< --full
    kValue,     ///< --label COLUMN; may be given once
    kValues,    ///< --set KEY=VALUE; may be repeated
    kArgument,  ///< positional, required
    kOptionalArgument,
    kArguments,  ///< the rest of the positionals, one or more
  };
  std::string_view name;  ///< "--label", or "FILE" for a positional
  Kind kind = Kind::kValue;
  std::string_view value_name;  ///< "COLUMN"
  std::string_view help;
  std::string_view default_value = "";
  bool is_file = false;  ///< complete file names
};

/// What the user typed, by option name.
class Arguments {
 public:
  bool flag(std::string_view option) const;
  std::string text(std::string_view option) const;                  ///< the default if not given
  std::optional<std::string> given(std::string_view option) const;  ///< nothing if not given
  const std::vector<std::string>& list(std::string_view option) const;
  /// Errors: kInvalidArgument naming the option.
  core::Result<std::int64_t> integer(std::string_view option) const;
  core::Result<double> number(std::string_view option) const;

  core::ConfigSource config;  ///< from --config, --env and --set
  bool is_json = false;

 private:
  friend struct ArgumentsBuilder;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// What a command answers: for programs (--json) and for people.
struct Output {
  core::Json json;
  std::string text;
  /// What the program ends with although there is an answer, as when a check failed.
  std::optional<core::Error> failure = {};
};

/// One row of the command table.
struct Command {
  std::string_view name;     ///< "models promote"
  std::string_view summary;  ///< one line
  std::string_view example;  ///< one or more command lines, as one would type them
  std::vector<Option> options;
  std::function<core::Result<Output>(const Arguments&)> run;
};

/// The command table: every command of the program, in the order of the help. One file per noun
/// adds its rows.
std::vector<Command> all_commands();

std::vector<Command> project_commands();  ///< init, run, train, evaluate, score
std::vector<Command> server_commands();   ///< up
std::vector<Command> traffic_commands();
std::vector<Command> data_commands();
std::vector<Command> feature_commands();
std::vector<Command> model_commands();
std::vector<Command> registry_commands();  ///< models compare, approve, reject, audit
std::vector<Command> monitor_commands();
std::vector<Command> pipeline_commands();
std::vector<Command> admin_commands();
std::vector<Command> token_commands();   ///< admin tokens …
std::vector<Command> backup_commands();  ///< admin backup, admin restore

/// Parses, runs, prints; returns the exit code of the error table. Answers go to standard output,
/// everything else to standard error.
int run_command_line(int argc, const char* const* argv);

/// A completion script for bash, zsh or fish, made from the table. Errors: kInvalidArgument for
/// another shell.
core::Result<std::string> completion_script(std::string_view shell,
                                            std::span<const Command> commands);

}  // namespace tenure::cli
