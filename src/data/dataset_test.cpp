#include "data/dataset.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "core/file.h"
#include "core/id.h"
#include "core/sha256.h"
#include "data/parquet_file.h"

namespace tenure::data {
namespace {

using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr core::Micros kSnapshot = 1'704'067'200'000'000;  // 2024-01-01

class DatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_ / "spill", .threads = 2}));
    parquet_ = folder_ / "out" / "clean.parquet";
    spec_.source = folder_ / "customers.csv";
    spec_.null_markers = {"", "NA", "N/A", "NULL", "null", "NaN", "nan", "None", "?"};
    spec_.id = "id";
    spec_.label = "churn";
    spec_.positive = "Yes";
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void write(std::string_view content) { std::ofstream(spec_.source, std::ios::binary) << content; }
  core::Result<Dataset> load() { return load_dataset(*engine_, spec_, parquet_, kSnapshot); }
  Dataset loaded() {
    auto dataset = load();
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? *dataset : Dataset{};
  }
  /// The message of the error; also checks that nothing is left behind.
  std::string refused(ErrorCode code = ErrorCode::kInvalidArgument) {
    const auto dataset = load();
    EXPECT_FALSE(dataset);
    if (dataset) return {};
    EXPECT_EQ(dataset.error().code, code) << dataset.error().message;
    if (std::filesystem::exists(parquet_.parent_path())) {
      EXPECT_TRUE(std::filesystem::is_empty(parquet_.parent_path()));
    }
    EXPECT_EQ(*engine_->query_integer("SELECT count(*) FROM duckdb_tables()"), 0);
    EXPECT_EQ(*engine_->query_integer("SELECT count(*) FROM duckdb_views() WHERE NOT internal"), 0);
    return dataset.error().message;
  }
  Table rows() {
    auto table = engine_->query(fmt::format("FROM read_parquet({})", quote_path(parquet_)));
    EXPECT_TRUE(table) << table.error().message;
    return table ? *table : Table{};
  }
  std::vector<std::string> column(std::string_view name) {
    const Table table = rows();
    const Column* found = table.find(name);
    EXPECT_NE(found, nullptr) << name;
    std::vector<std::string> texts;
    for (std::size_t i = 0; found != nullptr && i < found->size(); ++i)
      texts.push_back(found->is_null(i) ? "-" : found->display(i));
    return texts;
  }
  ColumnType type_of(std::string_view name) {
    const Table table = rows();
    const Column* found = table.find(name);
    EXPECT_NE(found, nullptr) << name;
    return found == nullptr ? ColumnType::kText : found->type;
  }

  std::filesystem::path folder_;
  std::filesystem::path parquet_;
  std::unique_ptr<Engine> engine_;
  DataSpec spec_;
};

constexpr std::string_view kSmall =
    "id,tenure,charges,plan,senior,churn\n"
    "a1,1,29.85,basic,0,No\n"
    "a2,34,56.95,plus,1,Yes\n"
    "a3,2,,basic,0,Yes\n";

TEST_F(DatasetTest, WritesIdTimeFeaturesAndLabel) {
  write(kSmall);
  const Dataset dataset = loaded();
  EXPECT_EQ(dataset.rows, 3);
  EXPECT_EQ(dataset.positives, 2);
  EXPECT_EQ(dataset.id_column, "id");
  EXPECT_TRUE(dataset.has_label);
  EXPECT_EQ(dataset.source_sha256, core::sha256_hex(kSmall));
  EXPECT_EQ(dataset.nulls.at("charges"), 1);
  EXPECT_TRUE(dataset.bad_values.empty());
  std::vector<std::string> names;
  for (const Column& c : rows().columns) names.push_back(c.name);
  EXPECT_THAT(names,
              ElementsAre("id", "event_timestamp", "tenure", "charges", "plan", "senior", "label"));
  EXPECT_THAT(column("id"), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(column("event_timestamp"), testing::Each("2024-01-01T00:00:00Z"));
  EXPECT_THAT(column("tenure"), ElementsAre("1", "34", "2"));
  EXPECT_THAT(column("charges"), ElementsAre("29.85", "56.95", "-"));
  EXPECT_THAT(column("label"), ElementsAre("0", "1", "1"));
  EXPECT_EQ(type_of("tenure"), ColumnType::kInteger);
  EXPECT_EQ(type_of("charges"), ColumnType::kNumber);
  EXPECT_EQ(type_of("plan"), ColumnType::kText);
  EXPECT_EQ(type_of("label"), ColumnType::kInteger);
}

TEST_F(DatasetTest, KeepsItsDescriptionAsJson) {
  write(kSmall);
  spec_.columns = {{.name = "charges",
                    .type = ColumnType::kNumber,
                    .null_markers = {"none yet"},
                    .null_value = "0"}};
  const Dataset dataset = loaded();
  const auto back = Dataset::from_json(dataset.to_json());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(core::to_text(back->to_json()), core::to_text(dataset.to_json()));
  ASSERT_EQ(back->columns.size(), 4u);
  EXPECT_EQ(back->columns[1].null_value, "0");
  EXPECT_EQ(back->columns[1].null_markers, std::vector<std::string>{"none yet"});
  EXPECT_FALSE(Dataset::from_json(core::JsonObject{{"parquet", 1}}));
}

TEST_F(DatasetTest, ReadsBomCrlfQuotesAndLineBreaksInFields) {
  write(
      "\xef\xbb\xbfid,note,churn\r\n1,\"said \"\"no\"\", twice\",Yes\r\n2,\"two\r\nlines\",No\r\n");
  loaded();
  EXPECT_THAT(column("note"), ElementsAre("said \"no\", twice", "two\r\nlines"));
  EXPECT_THAT(column("id"), ElementsAre("1", "2"));
}

TEST_F(DatasetTest, ReadsMixedLineEndsAndEmptyLines) {
  write("id,x,churn\r\n1,5,Yes\n\n2,6,No\r\n\r\n3,7,No\n");
  loaded();
  EXPECT_THAT(column("x"), ElementsAre("5", "6", "7"));
}

TEST_F(DatasetTest, FindsTheHeaderBehindEmptyLines) {
  for (const std::string_view before :
       {"\n", "\n\n\n", "\r\n\r\n", "\xef\xbb\xbf\n", "\xef\xbb\xbf\r\n"}) {
    const std::string_view end = before.ends_with("\r\n") ? "\r\n" : "\n";
    write(fmt::format("{0}id,x,churn{1}1,5,Yes{1}{1}2,6,No{1}", before, end));
    EXPECT_EQ(loaded().rows, 2);
    EXPECT_THAT(column("id"), ElementsAre("1", "2"));
    EXPECT_THAT(column("x"), ElementsAre("5", "6"));
  }
  std::filesystem::remove(parquet_);
  write("\n\nid,x,churn\n1,5,Yes\n2,6\n");
  EXPECT_THAT(refused(), HasSubstr("line 5: 2 fields where the header has 3"));
}

TEST_F(DatasetTest, ReadsFieldsThatBlanksSeparate) {
  spec_.delimiter = ' ';
  write("id x churn\n1 \"a b\" Yes\n2 c No\n");
  loaded();
  EXPECT_THAT(column("x"), ElementsAre("a b", "c"));
}

TEST_F(DatasetTest, RefusesALineThatIsTooLongWithoutShowingIt) {
  // The last that DuckDB takes; the limit counts the end of the line.
  write("id,x,churn\n1,a,Yes\n2," + std::string(1'999'994, 's') + ",No\n3,b,No\n");
  EXPECT_EQ(loaded().rows, 3);
  std::filesystem::remove(parquet_);
  for (const std::size_t size : {1'999'995u, 3'000'000u}) {
    write("id,x,churn\n1,a,Yes\n2," + std::string(size, 's') + ",No\n3,b,No\n");
    const std::string message = refused();
    EXPECT_THAT(message, HasSubstr("line 3: the line is longer than 2000000 bytes"));
    EXPECT_LT(message.size(), 500u);
  }
}

TEST_F(DatasetTest, TakesBlanksAndMarkersAsMissing) {
  write("id,x,y,churn\n1, ,a,Yes\n2,NA, ? ,No\n3, 7 ,b ,No\n4,nan,\"\",No\n");
  const Dataset dataset = loaded();
  EXPECT_THAT(column("x"), ElementsAre("-", "-", "7", "-"));
  EXPECT_THAT(column("y"), ElementsAre("a", "-", "b", "-"));
  EXPECT_EQ(dataset.nulls.at("x"), 3);
  EXPECT_EQ(dataset.nulls.at("y"), 2);
}

TEST_F(DatasetTest, ComparesMarkersByCase) {
  write("id,x,churn\n1,null,Yes\n2,Null,No\n3,b,No\n");
  loaded();
  EXPECT_THAT(column("x"), ElementsAre("-", "Null", "b"));
}

TEST_F(DatasetTest, UsesTheMarkersOfOneColumnForItAlone) {
  write("id,x,y,churn\n1,-1,-1,Yes\n2,5,5,No\n");
  spec_.columns = {{.name = "x", .type = ColumnType::kInteger, .null_markers = {"-1"}}};
  loaded();
  EXPECT_THAT(column("x"), ElementsAre("-", "5"));
  EXPECT_THAT(column("y"), ElementsAre("-1", "5"));
}

TEST_F(DatasetTest, ReplacesMissingValues) {
  write("id,x,p,churn\n1,,,Yes\n2,5,a,No\n");
  spec_.columns = {{.name = "x", .type = ColumnType::kNumber, .null_value = "0"},
                   {.name = "p", .type = ColumnType::kText, .null_value = "none"}};
  const Dataset dataset = loaded();
  EXPECT_THAT(column("x"), ElementsAre("0", "5"));
  EXPECT_THAT(column("p"), ElementsAre("none", "a"));
  EXPECT_EQ(dataset.nulls.at("x"), 1);
  spec_.columns[0].null_value = "zero";
  std::filesystem::remove_all(parquet_.parent_path());
  EXPECT_THAT(refused(), HasSubstr("data.columns.x.null_value: 'zero'"));
}

TEST_F(DatasetTest, InfersTypesFromValues) {
  write(
      "id,flag,code,when,big,yesno,price,sci,comma,empty,churn\n"
      "7,True,00123,2024-01-05,12345678901234567890,yes,1.0,1e3,\"1,5\",,Yes\n"
      "8,false,12345,2024-02-05T10:00:00+02:00,1,no,2,-2.5,2,,No\n");
  loaded();
  EXPECT_EQ(type_of("id"), ColumnType::kInteger);
  EXPECT_EQ(type_of("flag"), ColumnType::kBoolean);
  EXPECT_EQ(type_of("code"), ColumnType::kText);
  EXPECT_EQ(type_of("when"), ColumnType::kTimestamp);
  EXPECT_EQ(type_of("big"), ColumnType::kText);
  EXPECT_EQ(type_of("yesno"), ColumnType::kText);
  EXPECT_EQ(type_of("price"), ColumnType::kNumber);
  EXPECT_EQ(type_of("sci"), ColumnType::kNumber);
  EXPECT_EQ(type_of("comma"), ColumnType::kText);
  EXPECT_EQ(type_of("empty"), ColumnType::kText);
  EXPECT_THAT(column("flag"), ElementsAre("true", "false"));
  EXPECT_THAT(column("when"), ElementsAre("2024-01-05T00:00:00Z", "2024-02-05T08:00:00Z"));
}

TEST_F(DatasetTest, ReadsDeclaredBooleansInManyWords) {
  write("id,b,churn\n1,YES,Yes\n2,n,No\n3,T,No\n4,false,No\n5,1,No\n6,0,No\n7,,No\n");
  spec_.columns = {{.name = "b", .type = ColumnType::kBoolean}};
  loaded();
  EXPECT_THAT(column("b"), ElementsAre("true", "false", "true", "false", "true", "false", "-"));
}

TEST_F(DatasetTest, ReadsWholeNumbersWithAPointAsDeclaredIntegers) {
  write("id,n,churn\n1,7.0,Yes\n2,-3,No\n3,1e3,No\n");
  spec_.columns = {{.name = "n", .type = ColumnType::kInteger}};
  loaded();
  EXPECT_THAT(column("n"), ElementsAre("7", "-3", "1000"));
}

TEST_F(DatasetTest, RefusesValuesOfTheWrongTypeAndNamesTheFirst) {
  struct Case {
    ColumnType type;
    std::string value;
  };
  for (const Case& c :
       {Case{ColumnType::kInteger, "1.5"}, Case{ColumnType::kInteger, "0x1F"},
        Case{ColumnType::kInteger, "1_000"}, Case{ColumnType::kInteger, "9223372036854775808"},
        Case{ColumnType::kNumber, "abc"}, Case{ColumnType::kNumber, "1e400"},
        Case{ColumnType::kNumber, "inf"}, Case{ColumnType::kNumber, "1 000"},
        Case{ColumnType::kNumber, "12_5"}, Case{ColumnType::kBoolean, "maybe"},
        Case{ColumnType::kTimestamp, "01/31/2024"}, Case{ColumnType::kTimestamp, "infinity"}}) {
    write(fmt::format("id,note,x,churn\n1,\"two\nlines\",,Yes\n2,a,{},No\n3,b,{},No\n", c.value,
                      c.value));
    spec_.columns = {{.name = "x", .type = c.type}};
    const std::string message = refused();
    EXPECT_THAT(message, HasSubstr("customers.csv:4: column 'x': '" + c.value + "'"));
    EXPECT_THAT(message, HasSubstr("1 more"));
  }
}

TEST_F(DatasetTest, CountsBadValuesWhenTheyAreTakenAsMissing) {
  write("id,x,churn\n1,abc,Yes\n2,5,No\n3,NA,No\n");
  spec_.columns = {{.name = "x", .type = ColumnType::kNumber}};
  spec_.bad_values = "null";
  const Dataset dataset = loaded();
  EXPECT_EQ(dataset.bad_values.at("x"), 1);
  EXPECT_EQ(dataset.nulls.at("x"), 2);
  EXPECT_THAT(column("x"), ElementsAre("-", "5", "-"));
}

TEST_F(DatasetTest, TakesNanAsMissingEvenWithoutMarkers) {
  write("id,x,churn\n1,nan,Yes\n2,5,No\n3,-NaN,No\n");
  spec_.null_markers.clear();
  spec_.columns = {{.name = "x", .type = ColumnType::kNumber}};
  EXPECT_TRUE(loaded().bad_values.empty());
  EXPECT_THAT(column("x"), ElementsAre("-", "5", "-"));
}

TEST_F(DatasetTest, RefusesRaggedLinesByTheirNumber) {
  write("id,x,churn\n1,\"a\nb\",Yes\n2,5\n3,6,No\n");
  EXPECT_THAT(refused(), HasSubstr("line 4: 2 fields where the header has 3"));
  write("id,x,churn\n1,5,Yes\n2,5,No,extra\n");
  EXPECT_THAT(refused(), HasSubstr("line 3: 4 fields where the header has 3"));
}

TEST_F(DatasetTest, RefusesLatin1ByLine) {
  write("id,x,churn\n1,a,Yes\n2,caf\xe9,No\n");
  const std::string message = refused();
  EXPECT_THAT(message, HasSubstr("line 3: 'caf...' is not UTF-8"));
  EXPECT_THAT(message, HasSubstr("Latin-1"));
  write("id,pr\xe9nom,churn\n1,a,Yes\n");
  EXPECT_THAT(refused(), HasSubstr("customers.csv:1"));
}

TEST_F(DatasetTest, RefusesBrokenQuotes) {
  write("id,x,churn\n1,a,Yes\n2,\"open,No\n3,b,No\n");
  EXPECT_THAT(refused(), HasSubstr("line 3: a quote is opened and never closed"));
  write("id,x,churn\n1,a,Yes\n2,\"b\"c,No\n");
  EXPECT_THAT(refused(), HasSubstr("line 3: there is text after the closing quote of 'b'"));
}

TEST_F(DatasetTest, DetectsTheDelimiter) {
  for (const char d : {';', '\t', '|'}) {
    write(fmt::format("id{0}x{0}churn\n1{0}\"a,b,c\"{0}Yes\n2{0}1,5{0}No\n", d));
    EXPECT_EQ(loaded().rows, 2) << d;
    EXPECT_THAT(column("x"), ElementsAre("a,b,c", "1,5")) << d;
  }
}

TEST_F(DatasetTest, NamesTheLikelyDelimiterWhenAnotherWasSet) {
  write("id;x;churn\n1;2;Yes\n2;3;No\n");
  spec_.delimiter = ',';
  EXPECT_THAT(refused(), HasSubstr("the delimiter is probably semicolon"));
}

TEST_F(DatasetTest, RefusesFilesWithoutATable) {
  write("");
  EXPECT_THAT(refused(), HasSubstr("is empty"));
  write("\n\n");
  EXPECT_THAT(refused(), HasSubstr("is empty"));
  write("id,x,churn\n");
  EXPECT_THAT(refused(), HasSubstr("has a header and no rows"));
  write("just one column\n1\n2\n");
  EXPECT_THAT(refused(), HasSubstr("one column 'just one column'"));
  std::filesystem::remove(spec_.source);
  EXPECT_THAT(refused(ErrorCode::kNotFound), HasSubstr("customers.csv"));
  spec_.source = folder_;
  EXPECT_THAT(refused(), HasSubstr("is a folder"));
}

TEST_F(DatasetTest, RefusesOtherFormatsByName) {
  write(std::string_view("\x1f\x8b\x08\x00\x00", 5));
  EXPECT_THAT(refused(), HasSubstr("gzip"));
  write("PK\x03\x04 and so on");
  EXPECT_THAT(refused(), HasSubstr("Excel"));
  write(std::string_view("\xff\xfei\0d\0,\0", 8));
  EXPECT_THAT(refused(), HasSubstr("UTF-16"));
}

TEST_F(DatasetTest, CleansHeaderNames) {
  write("id , \"tenure\" ,,churn \n1,2,3,Yes\n2,3,4,No\n");
  loaded();
  EXPECT_THAT(column("tenure"), ElementsAre("2", "3"));
  EXPECT_THAT(column("column_3"), ElementsAre("3", "4"));
}

TEST_F(DatasetTest, RefusesNamesThatOccurTwice) {
  write("id,Plan,plan ,churn\n1,2,3,Yes\n2,3,4,No\n");
  EXPECT_THAT(refused(), HasSubstr("columns 2 and 3 are both named 'plan'"));
}

TEST_F(DatasetTest, RefusesNamesThatTheCleanedTableUses) {
  write("id,label,churn\n1,2,Yes\n2,3,No\n");
  EXPECT_THAT(refused(), HasSubstr("'label'"));
  spec_.ignored["label"] = "a copy of churn";
  EXPECT_EQ(loaded().rows, 2);
}

TEST_F(DatasetTest, NamesTheNearestColumnWhenOneIsGone) {
  write(kSmall);
  spec_.label = "Churn";
  EXPECT_THAT(refused(), HasSubstr("did you mean 'churn'?"));
  spec_.label = "churn";
  spec_.columns = {{.name = "tenur", .type = ColumnType::kInteger}};
  EXPECT_THAT(refused(), HasSubstr("did you mean 'tenure'?"));
  spec_.columns.clear();
  spec_.id = "customer_number";
  EXPECT_THAT(refused(), HasSubstr("id, tenure, charges"));
}

TEST_F(DatasetTest, RefusesOneColumnInTwoRoles) {
  write(kSmall);
  spec_.label = "id";
  EXPECT_THAT(refused(), HasSubstr("'id' cannot be the label and something else"));
}

TEST_F(DatasetTest, LeavesIgnoredColumnsOut) {
  write(kSmall);
  spec_.ignored["plan"] = "not known at prediction time";
  loaded();
  EXPECT_EQ(rows().find("plan"), nullptr);
}

TEST_F(DatasetTest, RefusesRepeatedIdsUnlessToldWhichToKeep) {
  write("id,x,churn\n1,a,Yes\n2,b,No\n1,c,No\n3,d,No\n1,e,No\n2,f,Yes\n");
  const std::string message = refused();
  EXPECT_THAT(message, HasSubstr("customers.csv:4"));
  EXPECT_THAT(message, HasSubstr("has '1' a second time"));
  EXPECT_THAT(message, HasSubstr("customers.csv:2"));
  EXPECT_THAT(message, HasSubstr("3 rows repeat a key"));
  spec_.duplicates = "first";
  EXPECT_EQ(loaded().duplicates_dropped, 3);
  EXPECT_THAT(column("x"), ElementsAre("a", "b", "d"));
  spec_.duplicates = "last";
  EXPECT_EQ(loaded().positives, 1);
  EXPECT_THAT(column("x"), ElementsAre("d", "e", "f"));
}

TEST_F(DatasetTest, AllowsAnIdAtSeveralTimes) {
  write(
      "id,at,x,churn\n1,2024-01-01,a,No\n1,2024-02-01,b,Yes\n2,2024-01-01 12:30,c,No\n"
      "1,2024-01-01T00:00:00Z,d,No\n");
  spec_.time = "at";
  EXPECT_THAT(refused(), HasSubstr("at the same time"));
  spec_.duplicates = "last";
  loaded();
  EXPECT_THAT(column("event_timestamp"),
              ElementsAre("2024-02-01T00:00:00Z", "2024-01-01T12:30:00Z", "2024-01-01T00:00:00Z"));
}

TEST_F(DatasetTest, RefusesMissingAndInfiniteIdsAndMissingTimes) {
  write("id,x,churn\n1,a,Yes\n ,b,No\n");
  EXPECT_THAT(refused(), HasSubstr("customers.csv:3: column 'id', the id, has no value"));
  write("id,x,churn\na,a,Yes\ninf,b,No\n");
  EXPECT_THAT(refused(), HasSubstr("holds NaN or infinity"));
  write("id,at,churn\n1,2024-01-01,Yes\n2,,No\n");
  spec_.time = "at";
  EXPECT_THAT(refused(), HasSubstr("customers.csv:3: column 'at', the time, has no value"));
}

TEST_F(DatasetTest, RefusesMissingRequiredValues) {
  write("id,x,churn\n1,a,Yes\n2,,No\n");
  spec_.columns = {{.name = "x", .type = ColumnType::kText, .is_required = true}};
  EXPECT_THAT(refused(), HasSubstr("customers.csv:3: column 'x', which is required"));
}

TEST_F(DatasetTest, NumbersTheRowsOfATableWithoutId) {
  write(kSmall);
  spec_.id.clear();
  spec_.label.clear();
  const Dataset dataset = loaded();
  EXPECT_EQ(dataset.id_column, "row_id");
  EXPECT_FALSE(dataset.has_label);
  EXPECT_THAT(column("row_id"), ElementsAre("1", "2", "3"));
  EXPECT_EQ(rows().find("label"), nullptr);
  EXPECT_THAT(column("churn"), ElementsAre("No", "Yes", "Yes"));
}

TEST_F(DatasetTest, KeepsRowsWhoseLabelIsUnknown) {
  write("id,x,churn\n1,a, Yes \n2,b,\n3,c,No\n");
  const Dataset dataset = loaded();
  EXPECT_EQ(dataset.positives, 1);
  EXPECT_THAT(column("label"), ElementsAre("1", "-", "0"));
}

TEST_F(DatasetTest, RefusesLabelsThatAreNotTwoClasses) {
  write("id,x,churn\n1,a,Yes\n2,b,Yes\n");
  EXPECT_THAT(refused(), HasSubstr("one class only: 'Yes' (2 rows)"));
  write("id,x,churn\n1,a,Yes\n2,b,No\n3,c,Maybe\n");
  EXPECT_THAT(refused(), HasSubstr("more than two values"));
  write("id,x,churn\n1,a,1\n2,b,0\n");
  EXPECT_THAT(refused(), HasSubstr("never has the positive value 'Yes'"));
  write("id,x,churn\n1,a,\n2,b,\n");
  EXPECT_THAT(refused(), HasSubstr("missing in every row"));
  write("id,x,churn\n1,a,inf\n2,b,Yes\n");
  EXPECT_THAT(refused(), HasSubstr("the label, holds 'inf'"));
}

TEST_F(DatasetTest, FindsThePositiveValueByItsWordOrNumber) {
  write("id,x,churn\n1,a,True\n2,b,False\n3,c,False\n");
  spec_.positive = "true";
  EXPECT_EQ(loaded().positives, 1);
  write("id,x,churn\n1,a,1.0\n2,b,0.0\n3,c,0.0\n");
  spec_.positive = "1";
  EXPECT_EQ(loaded().positives, 1);
  write("id,x,churn\n1,a,Exited\n2,b,Exited\n3,c,Stayed\n");
  spec_.positive = "";
  EXPECT_EQ(loaded().positives, 2);
}

TEST_F(DatasetTest, ReadsParquetWithItsOwnTypes) {
  spec_.source = folder_ / "customers.parquet";
  ASSERT_TRUE(write_parquet(
      *engine_,
      "SELECT i::INTEGER AS id, (i % 5)::DOUBLE AS n, i % 2 = 0 AS flag, 'p' || (i % 3) AS plan, "
      "DATE '2024-01-01' + i::INTEGER AS day, [i] AS list, CASE WHEN i = 4 THEN 'nan'::DOUBLE ELSE "
      "0.5 END AS x, i % 4 = 1 AS churn FROM range(20) AS r(i)",
      spec_.source));
  spec_.positive = "true";
  const Dataset dataset = loaded();
  EXPECT_EQ(dataset.rows, 20);
  EXPECT_EQ(dataset.positives, 5);
  EXPECT_EQ(dataset.nulls.at("x"), 1);
  EXPECT_EQ(type_of("n"), ColumnType::kNumber);
  EXPECT_EQ(type_of("flag"), ColumnType::kBoolean);
  EXPECT_EQ(type_of("plan"), ColumnType::kText);
  EXPECT_EQ(type_of("day"), ColumnType::kTimestamp);
  EXPECT_EQ(column("list").at(3), "[3]");
  EXPECT_EQ(column("day").at(1), "2024-01-02T00:00:00Z");
  spec_.columns = {{.name = "x", .type = ColumnType::kInteger}};
  std::filesystem::remove(parquet_);
  EXPECT_THAT(refused(), HasSubstr("customers.parquet, row 1: column 'x': '0.5'"));
}

TEST_F(DatasetTest, CallsADamagedParquetFileCorrupt) {
  spec_.source = folder_ / "customers.parquet";
  write("PAR1 but nothing else");
  refused(ErrorCode::kCorruption);
}

TEST_F(DatasetTest, TakesFileNamesLiterally) {
  spec_.source = folder_ / "it's [1] * ?.csv";
  write(kSmall);
  parquet_ = folder_ / "out" / "it's [1] * ?.parquet";
  EXPECT_EQ(loaded().rows, 3);
  EXPECT_THAT(column("id"), ElementsAre("a1", "a2", "a3"));
}

TEST_F(DatasetTest, WritesTheSameBytesAgain) {
  std::string big = "id,x,plan,churn\n";
  for (int i = 0; i < 50'000; ++i)
    big += fmt::format("{},{},p{},{}\n", i, i * 0.5, i % 7, i % 3 == 0 ? "Yes" : "No");
  write(big);
  loaded();
  const auto first = *core::sha256_file(parquet_);
  loaded();
  EXPECT_EQ(*core::sha256_file(parquet_), first);
  EXPECT_EQ(column("id").at(49'999), "49999");
}

TEST_F(DatasetTest, KeepsTheOldFileOnError) {
  write(kSmall);
  loaded();
  const auto before = *core::sha256_file(parquet_);
  write("id,x,churn\n1,a,Yes\n");
  EXPECT_FALSE(load());
  EXPECT_EQ(*core::sha256_file(parquet_), before);
}

/// Limits the size of files this process may write, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_signal_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_signal_)(int);
};

TEST_F(DatasetTest, ReportsAFullDiskAndLeavesNothingBehind) {
  std::string big = "id,x,churn\n";
  for (int i = 0; i < 30'000; ++i)
    big += fmt::format("{},{},{}\n", i, core::random_hex_id(), i % 3 == 0 ? "Yes" : "No");
  write(big);
  const FileSizeLimit limit(100'000);
  refused(ErrorCode::kResourceExhausted);
}

TEST_F(DatasetTest, ReportsThatTheResultCannotBePutInPlace) {
  write(kSmall);
  std::filesystem::create_directories(parquet_ / "in the way");
  const auto dataset = load();
  ASSERT_FALSE(dataset);
  EXPECT_THAT(dataset.error().message, HasSubstr("cannot rename to"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(parquet_.parent_path()),
                          std::filesystem::directory_iterator()),
            1);
}

}  // namespace
}  // namespace tenure::data
