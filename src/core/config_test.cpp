#include "core/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config_tree.h"
#include "core/config_value.h"
#include "core/file.h"
#include "core/id.h"

namespace tenure::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Config parsed(std::string_view yaml, const ConfigSource& source = {}) {
  auto config = parse_config(yaml, source);
  EXPECT_TRUE(config.has_value()) << config.error().message;
  if (!config) std::abort();
  return *config;
}

std::string mistakes(std::string_view yaml, const ConfigSource& source = {}) {
  const auto config = parse_config(yaml, source);
  EXPECT_FALSE(config.has_value()) << "no mistake was found";
  if (config) return {};
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  return config.error().message;
}

TEST(ConfigKeys, EveryDefaultIsAcceptedByItsOwnKey) {
  for (const ConfigKey& key : config_keys()) {
    if (key.default_value.empty()) continue;
    EXPECT_TRUE(parse_value(key, key.default_value).has_value()) << key.path;
  }
}

TEST(ConfigKeys, NoKeyIsBothAValueAndASection) {
  for (const ConfigKey& a : config_keys()) {
    EXPECT_FALSE(a.description.empty()) << a.path;
    for (const ConfigKey& b : config_keys())
      EXPECT_FALSE(b.path.rfind(std::string(a.path) + ".", 0) == 0) << a.path << " " << b.path;
  }
}

TEST(Config, AnswersDefaultsForWhatIsNotWritten) {
  const Config config = parsed("project: churn\n");
  EXPECT_EQ(config.text("project"), "churn");
  EXPECT_EQ(config.integer("serving.port"), 8000);
  EXPECT_EQ(config.duration("serving.poll_interval"), 500'000);
  EXPECT_EQ(config.integer("serving.body_max"), 64 << 20);
  EXPECT_EQ(config.number("data.split.test"), 0.2);
  EXPECT_TRUE(config.boolean("monitoring.prediction_log.enabled"));
  EXPECT_THAT(config.list("data.null_markers"),
              ElementsAre("", "NA", "N/A", "NULL", "null", "NaN", "nan", "None", "?"));
  EXPECT_FALSE(config.is_set("serving.port"));
  EXPECT_FALSE(config.is_set("serving"));
  EXPECT_TRUE(config.is_set("project"));
  EXPECT_TRUE(config.names("features.views").empty());
}

TEST(Config, ReadsEveryType) {
  const Config config = parsed(R"(
project: 007
serving: {port: 9000, insecure: yes, body_max: 1.5KiB, header_timeout: 250ms}
data:
  split: {test: 0.25}
  label: {column: Churn, positive: Yes}
  null_markers: [NA, '', "null", -1]
model:
  params: {max_depth: 6, eta: 0.1, tree_method: hist}
features:
  services:
    churn: {features: "a:x, 'b:y z'"}
)");
  EXPECT_EQ(config.text("project"), "007");
  EXPECT_EQ(config.integer("serving.port"), 9000);
  EXPECT_TRUE(config.boolean("serving.insecure"));
  EXPECT_EQ(config.integer("serving.body_max"), 1536);
  EXPECT_EQ(config.duration("serving.header_timeout"), 250'000);
  EXPECT_EQ(config.number("data.split.test"), 0.25);
  EXPECT_EQ(config.text("data.label.positive"), "Yes");
  EXPECT_THAT(config.list("data.null_markers"), ElementsAre("NA", "", "null", "-1"));
  EXPECT_EQ(config.text("model.params.eta"), "0.1");
  EXPECT_THAT(config.names("model.params"), ElementsAre("max_depth", "eta", "tree_method"));
  EXPECT_THAT(config.list("features.services.churn.features"), ElementsAre("a:x", "b:y z"));
}

TEST(Config, KeepsNamesWithDotsBlanksAndLettersOfAllAlphabets) {
  const Config config = parsed(R"(
data:
  columns:
    "Monthly Charges": {type: number}
    a.b: {type: text}
    a: {type: integer}
    Größe: {type: boolean}
  ignore:
    x.y: leaks the label
)");
  const Config columns = config.at("data.columns");
  EXPECT_THAT(columns.names(""), ElementsAre("Monthly Charges", "a.b", "a", "Größe"));
  EXPECT_EQ(columns.entry("Monthly Charges").text("type"), "number");
  EXPECT_EQ(columns.entry("a.b").text("type"), "text");
  EXPECT_EQ(columns.entry("a").text("type"), "integer");
  EXPECT_EQ(columns.entry("Größe").text("type"), "boolean");
  EXPECT_EQ(config.text("data.columns.a.b.type"), "text");
  EXPECT_EQ(config.at("data.ignore").entry("x.y").text(""), "leaks the label");
  EXPECT_EQ(config.text("data.ignore.x.y"), "leaks the label");
  EXPECT_EQ(columns.entry("unknown").text("type"), "");
}

TEST(Config, CountsAnEntryWithoutKeysAsWritten) {
  const Config config = parsed("pipelines:\n  train:\n    steps:\n      ingest:\n      split:\n");
  EXPECT_THAT(config.names("pipelines.train.steps"), ElementsAre("ingest", "split"));
  EXPECT_TRUE(config.is_set("pipelines.train.steps.ingest"));
  EXPECT_FALSE(config.is_set("pipelines.train.steps.ingest.run"));
}

TEST(Config, LaysFileOverlayVariablesAndFlagsOverOneAnother) {
  const std::string_view yaml = R"(
serving: {port: 1, rows_max: 1, threads: 1, host: file}
environments:
  prod:
    serving: {port: 2, rows_max: 2, threads: 2}
  dev:
    serving: {port: 77}
)";
  ConfigSource source;
  source.environment = "prod";
  source.variables = {{"TENURE_SERVING__PORT", "3"},
                      {"tenure_serving__host", "ignored"},
                      {"TENURE_Serving__Rows_MAX", "3"}};
  source.overrides = {"serving.port=4"};
  const Config config = parsed(yaml, source);
  EXPECT_EQ(config.integer("serving.port"), 4);
  EXPECT_EQ(config.integer("serving.rows_max"), 3);
  EXPECT_EQ(config.integer("serving.threads"), 2);
  EXPECT_EQ(config.text("serving.host"), "file");
  EXPECT_EQ(config.text("serving.alias"), "champion");
}

TEST(Config, TakesTheOverlayFromAVariable) {
  ConfigSource source;
  source.variables = {{"TENURE_ENVIRONMENT", "dev"}, {"TENURE_CONFIG", "other.yaml"}};
  const Config config = parsed("environments: {dev: {serving: {port: 77}}}", source);
  EXPECT_EQ(config.integer("serving.port"), 77);
}

TEST(Config, AKeyWithoutValueAsksForTheDefault) {
  ConfigSource source;
  source.environment = "dev";
  const Config config =
      parsed("serving: {port: 1}\nenvironments:\n  dev:\n    serving:\n      port:\n", source);
  EXPECT_EQ(config.integer("serving.port"), 8000);
  EXPECT_FALSE(config.is_set("serving.port"));
}

TEST(Config, MatchesUserNamesOfVariablesWithoutRegardToCase) {
  ConfigSource source;
  source.variables = {{"TENURE_DATA__COLUMNS__TOTALCHARGES__TYPE", "number"},
                      {"TENURE_MODEL__PARAMS__MAX_DEPTH", "4"},
                      {"TENURE_MODEL__PARAMS__monotoneX", "1"},
                      {"TENURE_FEATURES__SERVICES__S__FEATURES", "a, b"}};
  const Config config = parsed("data: {columns: {TotalCharges: {type: text}}}", source);
  EXPECT_THAT(config.names("data.columns"), ElementsAre("TotalCharges"));
  EXPECT_EQ(config.text("data.columns.TotalCharges.type"), "number");
  EXPECT_THAT(config.names("model.params"), ElementsAre("max_depth", "monotoneX"));
  EXPECT_THAT(config.list("features.services.s.features"), ElementsAre("a", "b"));
}

TEST(Config, IgnoresVariablesThatPlatformsSetByThemselves) {
  ConfigSource source;
  source.variables = {{"TENURE_SERVICE_HOST", "10.0.0.1"},
                      {"TENURE_PORT_8000_TCP", "tcp://x"},
                      {"TENURE_SERVING_PORT", "tcp://x"},
                      {"PATH", "/bin"}};
  EXPECT_EQ(parsed("project: p", source).integer("serving.port"), 8000);
}

TEST(Config, SetsQuotedNamesByFlag) {
  ConfigSource source;
  source.overrides = {"data.columns.'a.b=c'.type=text", "data.ignore.\"x y\"=because",
                      "data.null_markers='', NA", "decision.positive=a=b"};
  const Config config = parsed("project: p", source);
  EXPECT_EQ(config.at("data.columns").entry("a.b=c").text("type"), "text");
  EXPECT_EQ(config.at("data.ignore").entry("x y").text(""), "because");
  EXPECT_THAT(config.list("data.null_markers"), ElementsAre("", "NA"));
  EXPECT_EQ(config.text("decision.positive"), "a=b");
}

TEST(Config, ExpandsVariables) {
  ConfigSource source;
  source.variables = {{"HOST", "db"}, {"EMPTY", ""}, {"PORT", "81"}, {"COLS", "a, b"}};
  const Config config = parsed(R"(
storage:
  database: "postgresql://${HOST}:${DBPORT:-5432}/x"
  online: "$${HOST} costs 5$ ${EMPTY:-nothing}${EMPTY}"
serving: {port: "${PORT}"}
features: {services: {s: {features: "${COLS}"}, t: {features: ["${HOST}", b]}}}
)",
                               source);
  EXPECT_EQ(config.text("storage.database"), "postgresql://db:5432/x");
  EXPECT_EQ(config.text("storage.online"), "${HOST} costs 5$ nothing");
  EXPECT_EQ(config.integer("serving.port"), 81);
  EXPECT_THAT(config.list("features.services.s.features"), ElementsAre("a", "b"));
  EXPECT_THAT(config.list("features.services.t.features"), ElementsAre("db", "b"));
}

TEST(Config, DoesNotNeedTheVariablesOfOverlaysNotChosen) {
  const std::string_view yaml =
      "environments: {prod: {storage: {database: '${SECRET}'}, serving: {port: '${P}'}}}";
  EXPECT_EQ(parsed(yaml).integer("serving.port"), 8000);
  ConfigSource prod;
  prod.environment = "prod";
  EXPECT_THAT(mistakes(yaml, prod), HasSubstr("SECRET is not set"));
}

TEST(Config, ResolvesPathsFromTheFolderOfTheFile) {
  ConfigSource source;
  source.file = "/srv/churn/tenure.yaml";
  const Config config = parsed("project: p", source);
  EXPECT_EQ(config.directory(), "/srv/churn");
  EXPECT_EQ(config.resolve("data/../x.csv"), "/srv/churn/x.csv");
  EXPECT_EQ(config.resolve("/abs/x.csv"), "/abs/x.csv");
  EXPECT_TRUE(parsed("project: p").directory().is_absolute());
}

TEST(Config, ResolvesStepsUpAsTheSystemDoesBehindALink) {
  const auto base =
      std::filesystem::canonical(std::filesystem::temp_directory_path()) / random_hex_id();
  std::filesystem::create_directories(base / "far" / "project");
  std::filesystem::create_directory_symlink(base / "far" / "project", base / "link");
  ConfigSource source;
  source.file = base / "link" / "tenure.yaml";
  EXPECT_EQ(parsed("project: p", source).resolve("../x.csv"), base / "far" / "x.csv");
  std::filesystem::remove_all(base);
}

TEST(Config, ErrorsSayWhereTheKeyWasWritten) {
  ConfigSource source;
  source.overrides = {"serving.port=9"};
  const Config config = parsed("features:\n  views:\n    'my view':\n      ttl: 5s\n", source);
  const Config view = config.at("features.views").entry("my view");
  EXPECT_EQ(view.error_at("ttl", "too short").message,
            "tenure.yaml:4: features.views.'my view'.ttl: too short");
  EXPECT_EQ(view.error_at("source", "missing").message,
            "tenure.yaml:3: features.views.'my view'.source: missing");
  EXPECT_EQ(config.error_at("data.source", "missing").message, "tenure.yaml: data.source: missing");
  EXPECT_EQ(config.error_at("serving.port", "taken").message, "--set: serving.port: taken");
  EXPECT_EQ(config.error_at("serving.port", "taken").code, ErrorCode::kInvalidArgument);
}

TEST(Config, EqualConfigurationsHaveEqualDigests) {
  const std::string digest = parsed("serving: {port: 9000}\nproject: p").digest();
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(parsed("project: p\nserving:\n  port: '9000'  # note\n  threads: 0").digest(), digest);
  EXPECT_NE(parsed("project: p\nserving: {port: 9001}").digest(), digest);
  EXPECT_NE(parsed("project: p\nserving: {port: 9000}\nmodel: {params: {a: 1}}").digest(), digest);
  // Texts cannot imitate the borders between values.
  EXPECT_NE(parsed("data: {null_markers: ['a', 'b']}").digest(),
            parsed("data: {null_markers: ['a,b']}").digest());
}

TEST(Config, TakesTheEndsOfARange) {
  const Config config = parsed(
      "project: p\nserving: {header_max: 1KiB, body_max: 1024, idle_timeout: 365d, drain_timeout: "
      "0}");
  EXPECT_EQ(config.integer("serving.header_max"), 1024);
  EXPECT_EQ(config.integer("serving.body_max"), 1024);
  EXPECT_EQ(config.duration("serving.idle_timeout"), 365LL * 24 * 3600 * 1'000'000);
  EXPECT_EQ(config.duration("serving.drain_timeout"), 0);
}

struct Mistaken {
  std::string name;
  std::string yaml;
  std::vector<std::string> expected;  ///< texts the message must hold
};

class ConfigMistake : public testing::TestWithParam<Mistaken> {};

TEST_P(ConfigMistake, NamesFileLineKeyAndWhatIsAccepted) {
  const std::string message = mistakes(GetParam().yaml);
  EXPECT_THAT(message, StartsWith("tenure.yaml"));
  for (const std::string& text : GetParam().expected) EXPECT_THAT(message, HasSubstr(text));
}

const Mistaken kMistakes[] = {
    {"UnknownKey",
     "serving:\n  prot: 1\n",
     {"tenure.yaml:2: serving.prot: unknown key; did you mean 'serving.port'?"}},
    {"UnknownSection", "\nsevring: {}\n", {"tenure.yaml:2: sevring", "did you mean 'serving'?"}},
    {"UnknownBelowAUsersName",
     "features:\n  views:\n    u:\n      tll: 1s\n",
     {"tenure.yaml:4: features.views.u.tll", "'features.views.u.ttl'"}},
    {"KeyAtTheWrongLevel", "port: 1\n", {"tenure.yaml:1: port", "'serving.port'"}},
    {"NothingNear", "serving: {zzzzzzzz: 1}\n", {"unknown key; known here: host, port"}},
    {"NotANumber",
     "serving:\n  port: http\n",
     {"tenure.yaml:2: serving.port: expected a whole number in 0..65535, found 'http'"}},
    {"HalfANumber", "serving: {port: 80x}\n", {"found '80x'"}},
    {"FractionForWhole", "serving: {port: 1.5}\n", {"whole number", "'1.5'"}},
    {"NumberTooLarge", "serving: {port: 65536}\n", {"0..65535", "'65536'"}},
    {"HugeNumber", "serving: {port: 99999999999999999999}\n", {"0..65535"}},
    {"NumberTooSmall", "data: {split: {test: 0}}\n", {"a number in 0.01..0.9", "'0'"}},
    {"NotFinite", "data: {split: {test: .nan}}\n", {"data.split.test", "'.nan'"}},
    {"NegativeSeed", "model: {seed: -1}\n", {"a whole number >= 0"}},
    {"NoChoice", "data: {format: cvs}\n", {"expected auto, csv or parquet, found 'cvs'"}},
    {"NotABoolean", "serving: {insecure: 1}\n", {"true or false", "'1'"}},
    {"BadDuration", "serving: {idle_timeout: 5 parsecs}\n", {"a duration such as", "'5 parsecs'"}},
    {"SizeTooSmall",
     "serving: {header_max: 0}\n",
     {"a size such as 64MiB, 512KiB or 10GB in 1KiB..16MiB, found '0'"}},
    {"SizeTooLarge", "serving: {header_max: 17MiB}\n", {"in 1KiB..16MiB", "'17MiB'"}},
    {"NoBodies", "serving: {body_max: 0, bodies_max: 1KiB}\n", {"body_max", "bodies_max"}},
    {"DurationTooLong", "serving: {idle_timeout: 200000d}\n", {"in 1ms..365d", "'200000d'"}},
    {"DurationOfNothing", "serving: {header_timeout: 0s}\n", {"in 1ms..365d", "'0s'"}},
    {"BadSize", "serving: {body_max: 5 cows}\n", {"a size such as 64MiB", "'5 cows'"}},
    {"ListForScalar", "serving: {port: [1, 2]}\n", {"serving.port", "found a list"}},
    {"SectionForScalar",
     "serving:\n  port:\n    a: 1\n",
     {"tenure.yaml:2: serving.port", "found a section"}},
    {"ScalarForSection", "serving: 8000\n", {"expected a section", "found a single value"}},
    {"ListForSection", "serving: [port]\n", {"expected a section", "found a list"}},
    {"ScalarForUsersName", "features: {views: {u: 1}}\n", {"features.views.u", "section"}},
    {"ListOfSteps", "pipelines: {t: {steps: [a, b]}}\n", {"pipelines.t.steps", "found a list"}},
    {"SectionInList",
     "data:\n  null_markers:\n  - a\n  - {b: 1}\n",
     {"tenure.yaml:4: data.null_markers", "found a section in it"}},
    {"SectionForList", "data: {null_markers: {a: 1}}\n", {"expected a list", "found a section"}},
    {"NullInList",
     "data:\n  null_markers: [NA,\n    null]\n",
     {"tenure.yaml:3: data.null_markers", "'null'"}},
    {"BrokenListText", "data: {null_markers: \"a,, b\"}\n", {"expected a list"}},
    {"DuplicateKey",
     "serving:\n  port: 1\n  host: a\n  port: 2\n",
     {"tenure.yaml:4: the key 'port' was given before, at line 2"}},
    {"DuplicateSection", "data: {}\nserving: {}\ndata: {}\n", {"tenure.yaml:3", "line 1"}},
    {"Tab", "serving:\n\tport: 1\n", {"tenure.yaml:2", "tab"}},
    {"Syntax", "serving:\n  port: [1\nproject: x\n", {"tenure.yaml:", "this is no YAML"}},
    {"BadIndentation", "serving:\n   port: 1\n  host: x\n", {"tenure.yaml:3", "this is no YAML"}},
    {"NotUtf8", "project: ok\ndata:\n  id: caf\xE9\n", {"tenure.yaml:3", "0xE9", "UTF-8"}},
    {"Utf16", std::string("\xFF\xFEp\0", 4), {"tenure.yaml:1", "UTF-8"}},
    {"ControlCharacter", std::string("project: a\x04z\n"), {"tenure.yaml:1", "0x04"}},
    {"NulCharacter", std::string("project: a\0b\n", 13), {"tenure.yaml:1", "0x00"}},
    {"TwoDocuments", "project: a\n---\nproject: b\n", {"tenure.yaml:3", "second document"}},
    {"TwoRoots", "project: a\n- b\n", {"tenure.yaml:2", "this is no YAML"}},
    {"ListAtTheTop", "- a\n- b\n", {"tenure.yaml:1", "found a list"}},
    {"ScalarAtTheTop", "hello\n", {"tenure.yaml:1", "found a single value"}},
    {"Empty", "", {"tenure.yaml: the file is empty"}},
    {"OnlyComments", "# nothing\n\n", {"the file is empty"}},
    {"KeyIsAList", "? [a, b]\n: 1\n", {"tenure.yaml:1", "a key must be plain text"}},
    {"EmptyName", "data: {columns: {'': {type: text}}}\n", {"a name cannot be empty"}},
    {"Tag", "project: !secret x\n", {"tenure.yaml:1", "!secret"}},
    {"EndlessAlias", "data: &a\n  columns: *a\n", {"tenure.yaml:2", "alias"}},
    {"UnknownAlias", "data: *nowhere\n", {"tenure.yaml:1", "this is no YAML"}},
    {"UndefinedVariable",
     "project: p\nstorage:\n  database: ${NOWHERE}\n",
     {"tenure.yaml:3: storage.database: the environment variable NOWHERE is not set"}},
    {"OpenBrace", "project: '${A'\n", {"has no closing '}'"}},
    {"BadVariableName", "project: '${1A}'\n", {"'${1A}' does not name a variable"}},
    {"OverlayKey",
     "environments:\n  dev:\n    serving:\n      prt: 1\n",
     {"tenure.yaml:4: serving.prt", "'serving.port'", "(in environments.dev)"}},
    {"OverlayValue", "environments: {dev: {serving: {port: x}}}\n", {"'x'", "environments.dev"}},
    {"OverlayInOverlay", "environments: {dev: {environments: {a: {}}}}\n", {"unknown key"}},
    {"OverlayIsAList", "environments: {dev: [a]}\n", {"environments.dev", "found a list"}},
    {"EnvironmentsIsAList", "environments: [dev]\n", {"environments", "found a list"}},
};

INSTANTIATE_TEST_SUITE_P(All, ConfigMistake, testing::ValuesIn(kMistakes),
                         [](const auto& mistaken) { return mistaken.param.name; });

TEST(Config, ReportsAllMistakesAtOnceInOrderOfLines) {
  ConfigSource source;
  source.variables = {{"TENURE_SERVING__PROT", "1"}};
  source.overrides = {"serving.port=x"};
  const std::string message =
      mistakes("serving:\n  port: x\n  prot: 1\ndata: 5\nmodel: {seed: a, rounds: b}\n", source);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n') + 1, 7) << message;
  std::size_t last = 0;
  for (const char* text : {"tenure.yaml:2", "tenure.yaml:3", "tenure.yaml:4", "model.seed",
                           "model.rounds", "TENURE_SERVING__PROT", "--set: serving.port"}) {
    const auto at = message.find(text);
    ASSERT_NE(at, std::string::npos) << text << " in " << message;
    EXPECT_GE(at, last);
    last = at;
  }
}

TEST(Config, NamesTheKnownEnvironments) {
  ConfigSource source;
  source.environment = "stagin";
  EXPECT_THAT(mistakes("environments: {dev: {}, staging: {}}", source),
              testing::AllOf(HasSubstr("did you mean 'staging'?"), HasSubstr("dev, staging")));
  EXPECT_THAT(mistakes("project: p", source), HasSubstr("defines none"));
}

TEST(Config, ChecksVariablesAndFlagsAsStrictlyAsTheFile) {
  const auto with_variable = [](std::string name, std::string value) {
    ConfigSource source;
    source.variables = {{std::move(name), std::move(value)}};
    return mistakes("data: {columns: {a: {}, A: {}}}", source);
  };
  EXPECT_THAT(with_variable("TENURE_SERVING__PROT", "1"),
              HasSubstr("TENURE_SERVING__PROT: serving.prot: unknown key; did you mean "
                        "'serving.port'?"));
  EXPECT_THAT(with_variable("TENURE_SERVING__PORT", "x"), HasSubstr("0..65535, found 'x'"));
  EXPECT_THAT(with_variable("TENURE_SERVING__PORT__X", "1"), HasSubstr("no keys below it"));
  EXPECT_THAT(with_variable("TENURE_DATA__SPLIT", "1"), HasSubstr("is a section"));
  EXPECT_THAT(with_variable("TENURE_DATA____X", "1"), HasSubstr("is empty"));
  EXPECT_THAT(with_variable("TENURE_ENVIRONMENTS__DEV__PROJECT", "1"), HasSubstr("unknown key"));
  const auto with_flag = [](std::string flag) {
    ConfigSource source;
    source.overrides = {std::move(flag)};
    return mistakes("project: p", source);
  };
  EXPECT_THAT(with_flag("serving.port"), HasSubstr("expected KEY=VALUE"));
  EXPECT_THAT(with_flag("=1"), HasSubstr("empty part"));
  EXPECT_THAT(with_flag("serving..port=1"), HasSubstr("empty part"));
  EXPECT_THAT(with_flag("data.'a=1"), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(with_flag("serving=1"), HasSubstr("is a section"));
}

TEST(Config, NeverPrintsSecrets) {
  ConfigSource source;
  source.variables = {{"PASSWORD", "hunter2"}};
  EXPECT_THAT(mistakes("serving: {port: '${PASSWORD}'}", source),
              testing::AllOf(Not(HasSubstr("hunter2")), HasSubstr("${PASSWORD}")));
  for (const char* url :
       {"postgresql://me:hunter2@host/db", "x://me:a/hunter2@host", "x://:p@hunter2@h",
        "s3://bucket?secret_key=hunter2", "x://me:hunter2@"}) {
    EXPECT_THAT(shown(url), Not(HasSubstr("hunter2"))) << url;
    EXPECT_THAT(without_secrets(url), Not(HasSubstr("hunter2"))) << url;
    EXPECT_THAT(mistakes(fmt::format("serving: {{port: '{}'}}", url)), Not(HasSubstr("hunter2")));
  }
}

TEST(Config, CutsLongValuesBetweenCharacters) {
  std::string value = "x";
  for (int i = 0; i < 100; ++i) value += "ü";
  EXPECT_THAT(shown(value), testing::EndsWith("ü…'"));
}

TEST(Config, SaysHowToBeginWhenThereIsNoFile) {
  ConfigSource source;
  source.file = std::filesystem::temp_directory_path() / random_hex_id() / "tenure.yaml";
  const auto config = load_config(source);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("tenure init"));
}

TEST(Config, LoadsAFile) {
  ConfigSource source;
  const auto folder = std::filesystem::temp_directory_path() / random_hex_id();
  source.file = folder / "tenure.yaml";
  ASSERT_TRUE(
      write_file_atomically(source.file, "\xEF\xBB\xBFproject: p\r\nserving:\r\n  port: 5\r\n"));
  const auto config = load_config(source);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->text("project"), "p");
  EXPECT_EQ(config->integer("serving.port"), 5);
  EXPECT_EQ(config->directory(), folder);
  std::filesystem::remove_all(folder);
}

TEST(Config, StopsAtEntriesWithoutEnd) {
  std::string yaml = "pipelines:\n  p: &p\n    steps:\n      s: &s\n        with: &w\n";
  for (int i = 0; i < 300; ++i) yaml += fmt::format("          k{}: 1\n", i);
  for (int i = 0; i < 300; ++i) yaml += fmt::format("      s{}: *s\n", i);
  EXPECT_THAT(mistakes(yaml), HasSubstr("more than"));
}

TEST(ConfigDeathTest, AbortsOnAKeyThatIsNotDeclared) {
  const Config config = parsed("project: p");
  EXPECT_DEATH((void)config.text("serving.colour"), "internal error");
  EXPECT_DEATH((void)config.text("serving.port"), "internal error");
  EXPECT_DEATH((void)config.integer("serving"), "internal error");
}

TEST(ConfigPath, SplitsWhatItJoins) {
  for (const std::vector<std::string>& path :
       {std::vector<std::string>{"a"}, {"a.b", "c d", "it's", "\"", "ü", "x=y"}, {"", "'"}}) {
    const auto split = split_path(joined_path(path));
    ASSERT_TRUE(split.has_value()) << joined_path(path);
    EXPECT_EQ(*split, path);
  }
}

TEST(ConfigValue, ReadsSizes) {
  EXPECT_EQ(*parse_bytes("0"), 0);
  EXPECT_EQ(*parse_bytes("10 GB"), 10'000'000'000);
  EXPECT_EQ(*parse_bytes("2TiB"), std::int64_t{2} << 40);
  EXPECT_EQ(*parse_bytes("0.5kB"), 500);
  for (const char* bad : {"", "B", "-1", "1e30", "5 mib", "inf", "nan", "1 KiBx"})
    EXPECT_FALSE(parse_bytes(bad).has_value()) << bad;
}

TEST(ConfigValue, ReadsListsInOneText) {
  EXPECT_THAT(*parse_text_list("  "), ElementsAre());
  EXPECT_THAT(*parse_text_list(" a b , 'c, d','it''s', \"x\"\"y\", ''"),
              ElementsAre("a b", "c, d", "it's", "x\"y", ""));
  for (const char* bad : {",", "a,", "'a", "'a' b", "a,,b"})
    EXPECT_FALSE(parse_text_list(bad).has_value()) << bad;
}

/// The committed pages are what the key table says. TENURE_UPDATE_GOLDEN=1 rewrites them.
void expect_golden(const std::string& name, const std::string& made) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../docs/reference" / name;
  const char* update = std::getenv("TENURE_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    ASSERT_TRUE(write_file_atomically(path.lexically_normal(), made).has_value());
  }
  const auto committed = read_file(path);
  ASSERT_TRUE(committed.has_value()) << committed.error().message;
  EXPECT_EQ(*committed, made) << "run this test with TENURE_UPDATE_GOLDEN=1 and commit " << name;
}

TEST(ConfigReference, IsTheCommittedPage) {
  expect_golden("configuration.md", config_reference_markdown());
}

TEST(ConfigSchema, IsTheCommittedFile) {
  expect_golden("tenure.schema.json", config_json_schema());
}

TEST(ConfigReference, ItsExampleIsAccepted) {
  const std::string page = config_reference_markdown();
  const auto first = page.find("```yaml\n") + 8;
  ConfigSource source;
  source.environment = "prod";
  source.variables = {{"DATABASE_URL", "sqlite:///x.db"}};
  const Config config = parsed(page.substr(first, page.find("```", first) - first), source);
  EXPECT_EQ(config.text("storage.database"), "sqlite:///x.db");
}

TEST(ConfigReference, HasARowForEveryKey) {
  const std::string page = config_reference_markdown();
  for (const ConfigKey& key : config_keys())
    EXPECT_THAT(page, HasSubstr(fmt::format("| `{}` |", key.path)));
}

}  // namespace
}  // namespace tenure::core
