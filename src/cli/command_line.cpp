#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/version.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/usage.h"
#include "core/assert.h"
#include "core/log.h"

namespace tenure::cli {

struct ArgumentsBuilder {
  static std::vector<std::string>& slot(Arguments& arguments, std::string_view option) {
    return arguments.values_[std::string(option)];
  }
};

bool Arguments::flag(std::string_view option) const {
  return !list(option).empty();
}

std::optional<std::string> Arguments::given(std::string_view option) const {
  const auto& values = list(option);
  if (values.empty()) return std::nullopt;
  return values.back();
}

std::string Arguments::text(std::string_view option) const {
  return given(option).value_or("");
}

const std::vector<std::string>& Arguments::list(std::string_view option) const {
  const auto found = values_.find(option);
  TENURE_ASSERT(found != values_.end());
  return found->second;
}

namespace {

template <typename T>
core::Result<T> parse_number(std::string_view option, const std::string& text,
                             std::string_view expected) {
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} is '{}'; expected {}", option, text, expected)};
  }
  return value;
}

}  // namespace

core::Result<std::int64_t> Arguments::integer(std::string_view option) const {
  return parse_number<std::int64_t>(option, text(option), "a whole number");
}

core::Result<double> Arguments::number(std::string_view option) const {
  return parse_number<double>(option, text(option), "a number");
}

namespace {

CLI::App* find_subcommand(CLI::App& parent, std::string_view name) {
  for (CLI::App* child : parent.get_subcommands([](const CLI::App*) { return true; }))
    if (child->get_name() == name) return child;
  return nullptr;
}

/// One parsed command line: CLI11's tree and where its values go.
struct Parser {
  CLI::App root{"Tenure: MLOps for customer churn and any tabular model, in one program.",
                "tenure"};
  std::vector<std::unique_ptr<Arguments>> arguments;  // one per command
  std::vector<const Command*> commands;               // same order
  std::vector<CLI::App*> leaves;                      // same order
  /// An option that takes one value; it reaches its slot once it is known to have been given.
  struct Single {
    std::unique_ptr<std::string> value;
    CLI::Option* option;
    std::vector<std::string>* slot;
  };
  std::vector<Single> singles;
  std::vector<std::unique_ptr<bool>> flags;
  std::vector<std::pair<bool*, std::vector<std::string>*>> flag_slots;
  std::vector<std::pair<std::vector<std::string>*, std::string>> defaults;

  CLI::App* leaf_for(std::string_view name) {
    CLI::App* at = &root;
    std::size_t from = 0;
    while (from < name.size()) {
      const std::size_t end = std::min(name.find(' ', from), name.size());
      const std::string word(name.substr(from, end - from));
      CLI::App* next = find_subcommand(*at, word);
      at = next != nullptr ? next : at->add_subcommand(word);
      from = end + 1;
    }
    return at;
  }

  void add_flag(CLI::App* leaf, const std::string& name, std::vector<std::string>* slot,
                const std::string& help) {
    flags.push_back(std::make_unique<bool>(false));
    leaf->add_flag(name, *flags.back(), help);
    flag_slots.emplace_back(flags.back().get(), slot);
  }

  void add_option(CLI::App* leaf, Arguments& into, const Option& option) {
    auto& slot = ArgumentsBuilder::slot(into, option.name);
    const std::string name(option.name);
    std::string help(option.help);
    if (!option.default_value.empty()) help += fmt::format(" (default: {})", option.default_value);
    using Kind = Option::Kind;
    if (option.kind == Kind::kFlag) {
      add_flag(leaf, name, &slot, help);
      return;
    }
    CLI::Option* added = nullptr;
    if (option.kind == Kind::kValues || option.kind == Kind::kArguments) {
      added = leaf->add_option(name, slot, help);
      // One value for each --option; a list of positionals takes what is left.
      if (option.kind == Kind::kValues)
        added->expected(1)->take_all();
      else
        added->expected(-1)->required();  // one or more
    } else {
      singles.push_back({std::make_unique<std::string>(), nullptr, &slot});
      added = singles.back().option = leaf->add_option(name, *singles.back().value, help);
      if (option.kind == Kind::kArgument) added->required();
    }
    if (!option.value_name.empty())
      added->type_name(std::string(option.value_name));
    else
      added->type_name("");
    if (!option.default_value.empty())
      defaults.emplace_back(&slot, std::string(option.default_value));
  }

  void add_common(CLI::App* leaf, Arguments& into) {
    constexpr const char* kGroup = "Common options";
    leaf->add_option("-c,--config", into.config.file, "The project's file (default: tenure.yaml)")
        ->type_name("FILE")
        ->group(kGroup);
    leaf->add_option("-e,--env", into.config.environment,
                     "Environment of the file (environments.NAME) laid over it")
        ->type_name("NAME")
        ->group(kGroup);
    leaf->add_option("--set", into.config.overrides,
                     "Set a key of tenure.yaml, such as serving.port=9000; may be repeated")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all()
        ->group(kGroup);
    leaf->add_flag("--json", into.is_json, "Answer as one JSON object, for programs")
        ->group(kGroup);
  }

  void add(const Command& command) {
    arguments.push_back(std::make_unique<Arguments>());
    Arguments& into = *arguments.back();
    into.config.variables = core::process_environment();
    const auto file = into.config.variables.find("TENURE_CONFIG");
    if (file != into.config.variables.end()) into.config.file = file->second;
    CLI::App* leaf = leaf_for(command.name);
    leaf->description(std::string(command.summary));
    leaf->footer("Example:\n  " + indent(command.example));
    for (const Option& option : command.options) add_option(leaf, into, option);
    add_common(leaf, into);
    commands.push_back(&command);
    leaves.push_back(leaf);
  }

  /// A command may have verbs besides ("traffic", "traffic take-out"). Its own options before the
  /// verb would be lost.
  void separate_verbs() {
    for (CLI::App* leaf : leaves)
      for (CLI::App* verb : leaf->get_subcommands([](const CLI::App*) { return true; }))
        for (CLI::Option* option : leaf->get_options())
          if (option != leaf->get_help_ptr()) verb->excludes(option);
  }

  static std::string indent(std::string_view lines) {
    std::string out;
    for (const char c : lines) {
      out += c;
      if (c == '\n') out += "  ";
    }
    return out;
  }

  /// The index of the command that was typed.
  std::optional<std::size_t> chosen() {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (!leaves[i]->parsed() || !leaves[i]->get_subcommands().empty()) continue;
      for (const auto& [flag, slot] : flag_slots)
        if (*flag && slot->empty()) slot->emplace_back("true");
      for (const Single& single : singles)
        if (single.option->count() > 0 && single.slot->empty())
          single.slot->push_back(*single.value);
      for (const auto& [slot, value] : defaults)
        if (slot->empty()) slot->push_back(value);
      return i;
    }
    return std::nullopt;
  }
};

void describe_nouns(CLI::App& root) {
  constexpr std::pair<const char*, const char*> kNouns[] = {
      {"data", "Make, look at and query tables"}, {"features", "The feature store"},
      {"models", "The model registry"},           {"pipelines", "Runs of pipelines"},
      {"monitor", "What came of predictions"},    {"admin", "Operation of an installation"},
  };
  for (const auto& [name, text] : kNouns) {
    CLI::App* noun = find_subcommand(root, name);
    if (noun == nullptr) continue;
    noun->description(text);
    noun->require_subcommand(1);
  }
  CLI::App* tokens = find_subcommand(*find_subcommand(root, "admin"), "tokens");
  tokens->description("Who may use the server");
  tokens->require_subcommand(1);
}

int fail(const core::Error& error, bool is_json) {
  const core::ErrorCodeInfo& info = core::error_code_info(error.code);
  if (is_json) {
    core::JsonObject body{
        {"error", core::JsonObject{{"code", info.name}, {"message", error.message}}}};
    write_output(core::to_text(body) + "\n");
  } else {
    write_message(fmt::format("tenure: {}\n", error.message));
  }
  if (error.code == core::ErrorCode::kInternal)
    core::log_error("cli", "internal error",
                    {{"log.origin.file.name", std::string_view(error.file)},
                     {"log.origin.file.line", static_cast<std::int64_t>(error.line)}});
  return info.exit_code;
}

/// The exit code of a command that did its work: its answer must have reached the reader, too.
int finish() {
  const auto written = check_output();
  return written ? 0 : fail(written.error(), false);
}

/// The command, or the noun, that the words led to before they made no sense.
const CLI::App* innermost(const CLI::App& root) {
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return at;
}

std::string full_name(const CLI::App* command) {
  std::string name = command->get_name();
  while ((command = command->get_parent()) != nullptr) name = command->get_name() + " " + name;
  return name;
}

/// What a library's complaint about the words becomes: a noun alone shows its help, all else is one
/// line in our form.
int fail_to_parse(const CLI::App& root, const CLI::ParseError& error, bool is_json) {
  constexpr core::ErrorCode kCode = core::ErrorCode::kInvalidArgument;
  const CLI::App* command = innermost(root);
  const bool is_noun = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
  if (is_noun && !is_json) {
    write_message(root.help());  // of the innermost one
    return core::error_code_info(kCode).exit_code;
  }
  return fail({kCode, fmt::format("{}; see {} --help", error.what(), full_name(command))}, is_json);
}

core::Result<Output> guarded(const Command& command, const Arguments& arguments) {
  try {
    return command.run(arguments);
  } catch (const std::bad_alloc&) {
    return core::Error{core::ErrorCode::kResourceExhausted, "out of memory"};
  } catch (
      const std::exception& error) {  // the last guard: a library threw where we did not expect it
    return core::Error{core::ErrorCode::kInternal, fmt::format("unexpected: {}", error.what())};
  }
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  core::set_up_logging({});
  const std::vector<Command> table = all_commands();
  std::string shell;
  Parser parser;
  for (const Command& command : table) parser.add(command);
  parser.separate_verbs();
  describe_nouns(parser.root);
  CLI::App* completion =
      parser.root.add_subcommand("completion", "Print a completion script for a shell");
  completion->add_option("SHELL", shell, "bash, zsh or fish")->required()->type_name("");
  completion->footer("Example:\n  source <(tenure completion bash)");
  parser.root.require_subcommand(1);
  parser.root.set_version_flag("--version", std::string("tenure ") + app::kVersion);
  parser.root.footer(
      "Start with: tenure init --template telco my-project && cd my-project && tenure run");

  std::vector<std::string> words = help_as_option({argv + std::min(argc, 1), argv + argc});
  const bool is_json = std::ranges::count(words, "--json") > 0;
  if (const auto unknown = unknown_word(table, words)) return fail(*unknown, is_json);
  try {
    std::ranges::reverse(words);  // as CLI11 takes them
    parser.root.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return fail_to_parse(parser.root, error, is_json);
    parser.root.exit(error);  // prints the help or the version
    return finish();
  }
  if (completion->parsed()) {
    const auto script = completion_script(shell, table);
    if (!script) return fail(script.error(), false);
    write_output(*script);
    return finish();
  }
  const auto index = parser.chosen();
  TENURE_ASSERT(index.has_value());
  const Arguments& arguments = *parser.arguments[*index];
  auto output = guarded(*parser.commands[*index], arguments);
  if (!output) return fail(output.error(), arguments.is_json);
  write_output(arguments.is_json ? core::to_text(output->json) + "\n" : output->text);
  if (output->failure && arguments.is_json)
    return core::error_code_info(output->failure->code).exit_code;
  if (output->failure) return fail(*output->failure, false);
  return finish();
}

}  // namespace tenure::cli
