#include "serving/batch_scorer.h"

#include <atomic>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/file.h"
#include "serving/testing/served_world.h"

namespace tenure::serving {
namespace {

using data::Cell;
using testing::must;

class BatchScorer : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(core::write_file_atomically(path(name), content).has_value());
  }
  std::filesystem::path path(const std::string& name) const { return world_.folder.path() / name; }
  BatchRequest request(const std::string& input, const std::string& output) const {
    BatchRequest asked;
    asked.input = path(input);
    asked.output = path(output);
    asked.scratch = path("scratch");
    asked.id_column = "id";
    asked.model_version = 7;
    asked.columns = {{.name = "plan", .type = data::ColumnType::kText},
                     {.name = "age", .type = data::ColumnType::kNumber}};
    return asked;
  }
  /// Writes in.csv with one row more than a chunk holds.
  BatchRequest request_of_two_chunks() {
    std::string csv = "age,id,plan\n";
    for (int i = 0; i < 50'001; ++i)
      csv += fmt::format("{},C-{},{}\n", i % 7, i, i % 2 ? "a" : "b");
    write("in.csv", csv);
    BatchRequest asked = request("in.csv", "out.parquet");
    asked.chunk_rows = 50'000;
    return asked;
  }
  double score(std::vector<Cell> cells) const {
    std::vector<float> encoded(model_.transform().outputs().size());
    return static_cast<double>(model_.score(cells, encoded).probability);
  }

  testing::ServedWorld world_;
  learn::Model model_ = world_.model();
  std::unique_ptr<data::Engine> engine_ = must(data::Engine::open());
};

TEST_F(BatchScorer, WritesTheBitsOfTheOnlinePathInTheOrderOfTheInput) {
  write("in.csv", "extra,age,id,plan\nx,4,C-9,b\ny,,C-1,a\nz,1,C-9,\n");
  for (const char* output : {"out.csv", "out.parquet"}) {
    const auto report = score_file(*engine_, model_, request("in.csv", output));
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->rows, 3);
    const data::Table table =
        must(engine_->query(fmt::format("SELECT * FROM '{}'", path(output).string())));
    ASSERT_EQ(table.columns.size(), 4U);
    EXPECT_EQ(table.columns[0].name, "id");
    EXPECT_EQ(table.columns[0].text(0), "C-9");
    EXPECT_EQ(table.columns[0].text(1), "C-1");
    EXPECT_EQ(table.columns[1].number(0), score({Cell::of("b"), Cell::of(4.0)}));
    EXPECT_EQ(table.columns[1].number(1), score({Cell::of("a"), Cell::null()}));
    EXPECT_EQ(table.columns[1].number(2), score({Cell::null(), Cell::of(1.0)}));
    EXPECT_EQ(table.columns[2].text(0), "churn");
    EXPECT_EQ(table.columns[2].text(1), "stay");
    EXPECT_EQ(table.columns[3].number(0), 7);
  }
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

TEST_F(BatchScorer, NamesAMissingInputAndLeavesTheOldOutput) {
  write("in.csv", "id,plan\nC-1,a\nC-2,b\n");
  write("out.csv", "old");
  const auto report = score_file(*engine_, model_, request("in.csv", "out.csv"));
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(report.error().message.find("age"), std::string::npos) << report.error().message;
  EXPECT_EQ(must(core::read_file(path("out.csv"))), "old");
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

TEST_F(BatchScorer, SaysWhichFeatureOrTheIdAMissingColumnIsFor) {
  write("in.csv", "id,plan\nC-1,a\nC-2,b\n");
  auto asked = request("in.csv", "out.csv");
  asked.columns[1].needed_by = "feature 'age' of view 'profile'";
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message.find(
                "no column 'age', which feature 'age' of view 'profile' is read from"),
            std::string::npos)
      << report.error().message;
  write("in.csv", "plan,age\na,1\nb,2\n");
  const auto without_id = score_file(*engine_, model_, request("in.csv", "out.csv"));
  ASSERT_FALSE(without_id.has_value());
  EXPECT_NE(without_id.error().message.find("no column 'id', which the id is read from"),
            std::string::npos)
      << without_id.error().message;
}

TEST_F(BatchScorer, ScoresMoreRowsThanOneChunkHolds) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' END AS plan, i % 7 AS age "
      "FROM range(600000) t(i)) TO '{}' (FORMAT parquet)",
      path("in.parquet").string())));
  auto asked = request("in.parquet", "out.parquet");
  std::vector<std::int64_t> seen;
  asked.progress = [&](std::int64_t done, std::int64_t) {
    seen.push_back(done);
    return true;
  };
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->rows, 600'000);
  EXPECT_GT(seen.size(), 1U);
  const data::Table table = must(engine_->query(
      fmt::format("SELECT id::BIGINT AS id, probability FROM '{}'", path("out.parquet").string())));
  ASSERT_EQ(table.row_count(), 600'000U);
  for (std::size_t i = 0; i < table.row_count(); i += 997) {
    ASSERT_EQ(table.columns[0].number(i), static_cast<double>(i));
    ASSERT_EQ(table.columns[1].number(i),
              score({Cell::of(i % 3 == 0 ? "b" : "a"), Cell::of(static_cast<double>(i % 7))}));
  }
}

TEST_F(BatchScorer, ScoresParquetAsItScoresTheSameRowsAsCsv) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (SELECT 'C' || i AS id, CASE i % 4 WHEN 0 THEN ' b ' WHEN 1 THEN 'a' WHEN 2 THEN '' "
      "END "
      "AS plan, CASE WHEN i % 5 > 0 THEN i / 8.0 END AS age FROM range(2000) t(i)) TO '{}' "
      "(FORMAT parquet)",
      path("in.parquet").string())));
  ASSERT_TRUE(engine_->execute(fmt::format("COPY (FROM '{}') TO '{}' (HEADER)",
                                           path("in.parquet").string(), path("in.csv").string())));
  for (const char* input : {"in.parquet", "in.csv"}) {
    auto asked = request(input, std::string(input) + ".scored.parquet");
    asked.null_markers = {""};
    const auto report = score_file(*engine_, model_, asked);
    ASSERT_TRUE(report.has_value()) << report.error().message;
  }
  EXPECT_EQ(must(engine_->query_integer(
                fmt::format("SELECT count(*) FROM (FROM '{0}.scored.parquet' EXCEPT ALL FROM "
                            "'{1}.scored.parquet')",
                            path("in.parquet").string(), path("in.csv").string()))),
            0);
}

TEST_F(BatchScorer, TakesColumnsOfAnyNameForWhatTheyAre) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (FROM (VALUES ('C-9', 'a', 4.0), ('C-1', 'b', 1.0)) t(\"row\", plan, \"Row_Number\")) "
      "TO '{}' (FORMAT parquet)",
      path("in.parquet").string())));
  ASSERT_TRUE(engine_->execute(fmt::format("COPY (FROM '{}') TO '{}' (HEADER)",
                                           path("in.parquet").string(), path("in.csv").string())));
  for (const char* input : {"in.parquet", "in.csv"}) {
    auto asked = request(input, "out.parquet");
    asked.id_column = "row";
    asked.columns[1].name = "Row_Number";
    const auto report = score_file(*engine_, model_, asked);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    const data::Table table =
        must(engine_->query(fmt::format("SELECT * FROM '{}'", path("out.parquet").string())));
    EXPECT_EQ(table.columns[0].text(0), "C-9");
    EXPECT_EQ(table.columns[1].number(0), score({Cell::of("a"), Cell::of(4.0)}));
  }
}

TEST_F(BatchScorer, ReadsTextsOfAnyLengthAndSpellingAsCleaningDoes) {
  // Longer than what a string of the engine holds in itself, many of them, blanks of all kinds,
  // markers, a null value, and texts of one length that differ at their end.
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (SELECT 'C' || i AS id, CASE i % 9 WHEN 0 THEN ' b ' WHEN 1 THEN 'a' WHEN 2 THEN '' "
      "WHEN 3 THEN 'NA' WHEN 4 THEN chr(160) || 'b' || chr(12288) WHEN 5 THEN 'a plan with a long "
      "name ' || i WHEN 6 THEN '                b' WHEN 7 THEN '                a' END AS plan, "
      "(i % 5)::DOUBLE AS age FROM range(30000) t(i)) TO '{}' (FORMAT parquet)",
      path("in.parquet").string())));
  ASSERT_TRUE(engine_->execute(fmt::format("COPY (FROM '{}') TO '{}' (HEADER)",
                                           path("in.parquet").string(), path("in.csv").string())));
  for (const std::optional<std::string>& null_value :
       {std::optional<std::string>(), std::optional<std::string>("b")}) {
    for (const char* input : {"in.parquet", "in.csv"}) {
      auto asked = request(input, std::string(input) + ".scored.parquet");
      asked.null_markers = {"", "NA"};
      asked.columns[0].null_value = null_value;
      const auto report = score_file(*engine_, model_, asked);
      ASSERT_TRUE(report.has_value()) << report.error().message;
      EXPECT_EQ(report->rows, 30'000);
    }
    EXPECT_EQ(must(engine_->query_integer(
                  fmt::format("SELECT count(*) FROM (FROM '{0}.scored.parquet' EXCEPT ALL FROM "
                              "'{1}.scored.parquet')",
                              path("in.parquet").string(), path("in.csv").string()))),
              0);
  }
}

TEST_F(BatchScorer, StopsInTheMiddleOfAFileThatIsWrittenOnce) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (SELECT i AS id, 'a' AS plan, 1.0::DOUBLE AS age FROM range(300000) t(i)) TO '{}' "
      "(FORMAT parquet)",
      path("in.parquet").string())));
  auto asked = request("in.parquet", "out.parquet");
  asked.progress = [](std::int64_t done, std::int64_t) { return done == 0; };
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, core::ErrorCode::kCancelled) << report.error().message;
  EXPECT_FALSE(std::filesystem::exists(path("out.parquet")));
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(world_.folder.path()))
    files += file.path().filename().string().find("out.parquet") != std::string::npos ? 1U : 0U;
  EXPECT_EQ(files, 0U) << "nothing unfinished is left";
}

TEST_F(BatchScorer, NamesTheRowOfABadValueInAParquetFile) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (FROM (VALUES ('C-1', 'a', '1'), ('C-2', 'b', 'old')) t(id, plan, age)) TO '{}' "
      "(FORMAT parquet)",
      path("in.parquet").string())));
  const auto report = score_file(*engine_, model_, request("in.parquet", "out.parquet"));
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message.find("row 2: column 'age': 'old' is not a finite number"),
            std::string::npos)
      << report.error().message;
  EXPECT_FALSE(std::filesystem::exists(path("out.parquet")));
}

TEST_F(BatchScorer, StopsWhenToldAndWritesNoOutput) {
  write("in.csv", "id,plan,age\nC-1,a,1\nC-2,b,2\n");
  auto asked = request("in.csv", "out.csv");
  asked.progress = [](std::int64_t, std::int64_t) { return false; };
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, core::ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(path("out.csv")));
}

decision::Policy policy_of(std::string_view yaml) {
  const core::Config config =
      must(core::parse_config("project: p\n" + std::string(yaml), core::ConfigSource{}));
  const std::vector<decision::Vocabulary::Feature> inputs = {{"plan", decision::ValueType::kText},
                                                             {"age", decision::ValueType::kNumber}};
  return must(decision::Policy::from_config(config, inputs, 0.5));
}

TEST_F(BatchScorer, GivesReasonsAsSentences) {
  write("in.csv", "age,id,plan\n4,C-9,b\n2,C-1,a\n");
  const auto explainer = must(learn::Explainer::make(model_));
  const ReasonTexts texts;
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.reasons = 2;
  asked.explainer = &explainer;
  asked.texts = &texts;
  ASSERT_TRUE(score_file(*engine_, model_, asked).has_value());
  const data::Table table =
      must(engine_->query(fmt::format("SELECT * FROM '{}'", path("out.parquet").string())));
  ASSERT_EQ(table.columns.size(), 6U);
  EXPECT_EQ(table.columns[4].name, "reason_1");
  EXPECT_EQ(table.columns[4].text(0), "plan is b");
  EXPECT_EQ(table.columns[4].text(1), "plan is a");
}

TEST_F(BatchScorer, SharesTheBudgetOutOverAllRows) {
  write("in.csv", "age,id,plan\n4,rich,b\n4,poor,b\n2,safe,a\n");
  const decision::Policy policy = policy_of(
      "decision:\n  value: if(age is missing, 1, 100)\n  contact_cost: 1\n"
      "  offers:\n    call: {acceptance: 0.5}\n    gift: {cost: 10, acceptance: 0.9}\n");
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.policy = &policy;
  const auto rows = [&] {
    return must(engine_->query(fmt::format("SELECT id, action, why, expected_profit FROM '{}'",
                                           path("out.parquet").string())));
  };
  auto free = score_file(*engine_, model_, asked);
  ASSERT_TRUE(free.has_value()) << free.error().message;
  EXPECT_GE(free->offers, 2);
  EXPECT_GT(free->expected_profit, 0);
  const std::string best(rows().columns[1].text(0));
  EXPECT_NE(best, "none");

  asked.budget = 0.5;  // less than one contact
  const auto nothing = score_file(*engine_, model_, asked);
  ASSERT_TRUE(nothing.has_value()) << nothing.error().message;
  EXPECT_EQ(nothing->offers, 0);
  EXPECT_EQ(rows().columns[1].text(0), "none");
  EXPECT_EQ(rows().columns[2].text(0), "over_budget");
  EXPECT_EQ(rows().columns[3].number(0), 0);

  asked.budget = 1e9;
  const auto all = score_file(*engine_, model_, asked);
  ASSERT_TRUE(all.has_value()) << all.error().message;
  EXPECT_EQ(all->offers, free->offers);
  EXPECT_DOUBLE_EQ(all->expected_profit, free->expected_profit);
  EXPECT_LE(all->expected_profit, all->profit_bound + 1e-9);
  EXPECT_EQ(rows().columns[1].text(0), best);
  EXPECT_EQ(rows().columns.size(), 4U) << "internal columns do not get out";
}

TEST_F(BatchScorer, MakesNoMoreOffersThanPeopleCanServe) {
  write("in.csv", "age,id,plan\n4,a,b\n4,b,b\n4,c,b\n");
  const decision::Policy policy = policy_of(
      "decision:\n  value: 100\n  contact_cost: 1\n  offers:\n    call: {acceptance: 0.5}\n");
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.policy = &policy;
  asked.capacity = 2;
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->offers, 2);
  EXPECT_NEAR(report->profit_bound, report->expected_profit, 1e-6);
  EXPECT_EQ(must(engine_->query_integer(fmt::format(
                "SELECT count(*) FROM '{}' WHERE why = 'over_capacity' AND action = 'none'",
                path("out.parquet").string()))),
            1);
}

TEST_F(BatchScorer, HoldsTheControlGroupBack) {
  std::string csv = "age,id,plan\n";
  for (int i = 0; i < 300; ++i) csv += fmt::format("4,C-{},b\n", i);
  write("in.csv", csv);
  const decision::Policy policy = policy_of(
      "decision:\n  value: 100\n  control_share: 0.2\n  campaign: x\n  offers:\n    call: "
      "{acceptance: 0.5}\n");
  const decision::ControlGroup group(0.2, "x");
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.policy = &policy;
  for (const auto budget : {std::optional<double>(), std::optional(1e9)}) {
    asked.budget = budget;
    const auto report = score_file(*engine_, model_, asked);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->offers + report->held_back, 300);
    const data::Table rows = must(engine_->query(
        fmt::format("SELECT id, control, action FROM '{}'", path("out.parquet").string())));
    for (std::size_t i = 0; i < rows.row_count(); ++i) {
      const bool is_control = group.has(rows.columns[0].text(i));
      EXPECT_EQ(rows.columns[1].number(i) != 0, is_control);
      EXPECT_EQ(rows.columns[2].text(i), is_control ? "none" : "call");
    }
  }
}

TEST_F(BatchScorer, SaysWhatCouldChangeForPositiveRows) {
  write("in.csv", "age,id,plan\n4,C-1,b\n4,C-2,a\n");
  const core::Config config = must(core::parse_config(
      "decision: {actions: {cheap: {label: The cheap plan, sets: {plan: a}, cost: 3}}}", {}));
  const std::vector<decision::Vocabulary::Feature> inputs = {{"plan", decision::ValueType::kText},
                                                             {"age", decision::ValueType::kNumber}};
  const auto recourse = must(decision::Recourse::from_config(config, inputs));
  const double before = score({Cell::of("b"), Cell::of(4)});
  const double after = score({Cell::of("a"), Cell::of(4)});
  ASSERT_LT(after, before);
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.recourse = &recourse;
  asked.recourse_target = after;
  ASSERT_TRUE(score_file(*engine_, model_, asked).has_value());
  const data::Table rows = must(engine_->query(fmt::format(
      "SELECT decision, recourse_1, recourse_1_cost, recourse_1_probability, recourse_2 FROM '{}'",
      path("out.parquet").string())));
  ASSERT_EQ(rows.columns[0].text(0), "churn");
  EXPECT_EQ(rows.columns[1].text(0), "The cheap plan");
  EXPECT_EQ(rows.columns[2].number(0), 3);
  EXPECT_EQ(rows.columns[3].number(0), after);
  EXPECT_EQ(rows.columns[4].text(0), "");
  EXPECT_EQ(rows.columns[1].text(1), "");
  EXPECT_TRUE(rows.columns[2].is_null(1));
}

TEST_F(BatchScorer, GetsEachRowToItsOwnBreakEvenWithoutATarget) {
  // By the same model and actions one customer is worth an offer at the changed plan and one is
  // not.
  write("in.csv", "age,id,plan\n4,C-1,b\n5,C-2,b\n");
  constexpr std::string_view kDecision =
      "decision:\n  threshold: profit\n  value: if(age = 4, {}, {})\n  contact_cost: 1\n"
      "  offers: {{call: {{acceptance: 1}}}}\n"
      "  actions: {{cheap: {{sets: {{plan: a}}, cost: 3}}}}\n";
  const double after = score({Cell::of("a"), Cell::of(4)});
  ASSERT_GT(score({Cell::of("b"), Cell::of(4)}), after);
  // The break-even of an offer without a cost is contact_cost / value.
  const double above = (after + score({Cell::of("b"), Cell::of(4)})) / 2;
  const std::string yaml =
      fmt::format(kDecision, 1 / above, 2 / score({Cell::of("a"), Cell::of(5)}));
  const decision::Policy policy = policy_of(yaml);
  const std::vector<decision::Vocabulary::Feature> inputs = {{"plan", decision::ValueType::kText},
                                                             {"age", decision::ValueType::kNumber}};
  const auto recourse = must(decision::Recourse::from_config(
      must(core::parse_config("project: p\n" + yaml, core::ConfigSource{})), inputs));
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.recourse = &recourse;
  asked.policy = &policy;
  asked.has_own_thresholds = true;
  asked.has_actions = false;
  ASSERT_TRUE(score_file(*engine_, model_, asked).has_value());
  const auto read = [&](std::string_view columns) {
    return must(
        engine_->query(fmt::format("SELECT {} FROM '{}'", columns, path("out.parquet").string())));
  };
  data::Table rows = read("decision, recourse_1");
  EXPECT_EQ(rows.columns[0].text(0), "churn");
  EXPECT_EQ(rows.columns[1].text(0), "cheap") << "below its break-even with the other plan";
  EXPECT_EQ(rows.columns[0].text(1), "churn");
  EXPECT_EQ(rows.columns[1].text(1), "") << "an offer pays all the same";
  EXPECT_EQ(read("*").find("action"), nullptr) << "nobody asked what to do";
  asked.recourse_target = 0.999;
  asked.scratch = path("another");
  ASSERT_TRUE(score_file(*engine_, model_, asked).has_value());
  EXPECT_EQ(read("recourse_1").columns[0].text(1), "") << "reached without any change";
}

TEST_F(BatchScorer, FindsWhoIsPositiveByOwnCostsInTheEngineAsInATable) {
  // Texts with blanks, texts and numbers that are missing, values that none can be worth, offers
  // for some.
  std::string csv = "id,plan,age\n";
  const char* const plans[] = {"a", "b", " b ", "", "a plan of many letters", "NA"};
  for (int i = 0; i < 3000; ++i)
    csv += fmt::format("C-{},{},{}\n", i, plans[i % 6],
                       i % 5 == 0 ? std::string() : fmt::format("{}", i % 11));
  write("in.csv", csv);
  const decision::Policy policy = policy_of(
      "decision:\n  threshold: profit\n  value: if(plan = 'b', 30 + age, 2 * age)\n"
      "  contact_cost: 4\n  offers:\n    call: {acceptance: 0.4, eligible: \"coalesce(age, -1) >= "
      "0\"}\n"
      "    gift: {cost: \"if(plan is missing, 1, 9)\", acceptance: 0.7}\n");
  const auto explainer = must(learn::Explainer::make(model_));
  const ReasonTexts texts;
  const auto scored = [&](const std::string& output, std::size_t reasons) {
    BatchRequest asked = request("in.csv", output);
    asked.null_markers = {"", "NA"};
    asked.policy = &policy;
    asked.has_own_thresholds = true;
    asked.has_actions = false;
    asked.reasons = reasons;  // a table then, row by row
    asked.explainer = &explainer;
    asked.texts = &texts;
    return must(score_file(*engine_, model_, asked));
  };
  const BatchReport quick = scored("quick.parquet", 0);
  const BatchReport slow = scored("slow.parquet", 1);
  EXPECT_EQ(quick.rows, 3000);
  EXPECT_GT(quick.positives, 100);
  EXPECT_LT(quick.positives, 2900);
  EXPECT_EQ(quick.positives, slow.positives);
  EXPECT_EQ(must(engine_->query_integer(
                fmt::format("SELECT count(*) FROM ((FROM '{0}') EXCEPT ALL (SELECT * EXCLUDE "
                            "(reason_1) FROM '{1}'))",
                            path("quick.parquet").string(), path("slow.parquet").string()))),
            0);
  const data::Table rows = must(engine_->query(
      fmt::format("SELECT min(probability), count(*) FILTER (probability IS NULL) FROM '{}'",
                  path("quick.parquet").string())));
  EXPECT_GT(rows.columns[0].number(0), 0) << "the sign is not part of the answer";
  EXPECT_EQ(rows.columns[1].number(0), 0);
}

TEST_F(BatchScorer, NamesThePairsThatAddMostTogether) {
  write("in.csv", "age,id,plan\n4,C-1,b\n2,C-2,a\n");
  const auto interactions = must(learn::ShapInteractions::make(model_.trees()));
  BatchRequest asked = request("in.csv", "out.parquet");
  asked.interactions = 2;
  asked.shap_interactions = &interactions;
  ASSERT_TRUE(score_file(*engine_, model_, asked).has_value());
  const data::Table rows =
      must(engine_->query(fmt::format("SELECT * FROM '{}'", path("out.parquet").string())));
  ASSERT_EQ(rows.columns.size(), 8U);
  EXPECT_EQ(rows.columns[4].name, "interaction_1");
  EXPECT_EQ(rows.columns[5].name, "interaction_1_log_odds");
  // By hand, from the matrix.
  std::vector<float> encoded(model_.transform().outputs().size());
  model_.score(std::vector{Cell::of("b"), Cell::of(4)}, encoded);
  learn::ShapInteractions::Scratch scratch;
  std::vector<double> matrix(4);
  interactions.by_input(model_, encoded, scratch, matrix);
  if (matrix[1] != 0) {
    EXPECT_EQ(rows.columns[4].text(0), "plan x age");
    EXPECT_DOUBLE_EQ(rows.columns[5].number(0), 2 * matrix[1]);
  } else {
    EXPECT_EQ(rows.columns[4].text(0), "");
  }
}

TEST_F(BatchScorer, GoesOnBehindFinishedChunks) {
  BatchRequest asked = request_of_two_chunks();
  asked.progress = [](std::int64_t done, std::int64_t) { return done < 50'000; };
  const auto cancelled = score_file(*engine_, model_, asked);
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, core::ErrorCode::kCancelled);
  // What is there is not made again: a chunk that was changed behind its back stays so.
  const std::string part = (path("scratch") / "part-000000.parquet").string();
  ASSERT_TRUE(engine_->execute(
      fmt::format("CREATE TABLE seen AS SELECT * REPLACE (0.25 AS probability) FROM '{}'", part)));
  ASSERT_TRUE(engine_->execute(fmt::format("COPY seen TO '{}' (FORMAT parquet)", part)));
  asked.progress = {};
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->rows, 50'001);
  EXPECT_EQ(must(engine_->query_integer(
                fmt::format("SELECT count(*) FILTER (probability = 0.25)::BIGINT FROM '{}'",
                            path("out.parquet").string()))),
            50'000);
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

TEST_F(BatchScorer, KeepsFinishedChunksWhenTheEngineIsCancelled) {
  BatchRequest asked = request_of_two_chunks();
  std::atomic<bool> is_cancelled{false};
  asked.progress = [&](std::int64_t done, std::int64_t) {
    if (done >= 50'000) is_cancelled = true;  // what the engine does next, ends
    return true;
  };
  auto engine =
      must(data::Engine::open({.path = "", .temporary = {}, .is_cancelled = &is_cancelled}));
  const auto cancelled = score_file(*engine, model_, asked);
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, core::ErrorCode::kCancelled);
  EXPECT_EQ(cancelled.error().message,
            "cancelled after 50000 rows; the same command goes on there");
  EXPECT_TRUE(std::filesystem::exists(path("scratch") / "part-000000.parquet"));
  EXPECT_FALSE(std::filesystem::exists(path("out.parquet")));
  // Cancelled again before it has done anything: what was there stays.
  EXPECT_EQ(score_file(*engine, model_, asked).error().code, core::ErrorCode::kCancelled);
  EXPECT_TRUE(std::filesystem::exists(path("scratch") / "part-000000.parquet"));
  asked.progress = {};
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->rows, 50'001);
}

}  // namespace
}  // namespace tenure::serving
