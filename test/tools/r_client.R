# R: DBI with RPostgreSQL, and dplyr verbs that dbplyr writes as SQL.
suppressPackageStartupMessages({
    library(DBI)
    library(dplyr)
    library(dbplyr)
})

number <- 0
is <- function(got, expected, name) {
    number <<- number + 1
    same <- isTRUE(all.equal(got, expected, check.attributes = FALSE))
    cat(if (same) "ok" else "not ok", number, "-", name, "\n")
    if (!same)
        cat("#      got:", deparse(got), "\n# expected:", deparse(expected), "\n")
}

connection <- dbConnect(RPostgreSQL::PostgreSQL(), host = Sys.getenv("PGHOST"), port = as.integer(Sys.getenv("PGPORT")), user = Sys.getenv("PGUSER"), dbname = Sys.getenv("PGDATABASE"))
invisible(dbExecute(connection, "SET TimeZone = 'Europe/Oslo'"))
typed <- function(bot, granularity = "month", measure = "messages", column = "count")
    dbGetQuery(connection, sprintf("SELECT %s AS n FROM kindly_stats.stats_series('%s', '2024-10-01', '2024-12-01', 'Europe/Oslo', '%s', '%s')", column, bot, granularity, measure))$n

# what doc/tools.md shows, with where to connect to
page <- readLines(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "..", "..", "doc", "tools.md"))
block <- page[-seq_len(which(page == "```r")[1])]
block <- block[seq_len(which(block == "```")[1] - 1)]
eval(parse(text = block[-(1:2)]))
is(c(grepl("dbConnect", block[1]), grepl("SET TimeZone", block[2])), c(TRUE, TRUE), "the page connects and sets the zone")
is(monthly$messages, typed(41), "what the page shows")

daily <- dbGetQuery(connection, "SELECT date, messages, fallback_rate, is_partial FROM bi.daily WHERE bot_id = '41' AND date >= '2024-10-01' AND date < '2024-12-01' ORDER BY date")
is(c(class(daily$date), class(daily$fallback_rate), class(daily$is_partial)), c("Date", "numeric", "logical"), "columns have R's types")
is(daily$messages, typed(41, "day"), "days")
is(as.vector(tapply(daily$messages, format(daily$date, "%Y-%m"), sum)), typed(41), "months, added up by R")

# dplyr
remote <- tbl(connection, in_schema("bi", "daily")) %>% filter(bot_id == "41", date >= "2024-10-01", date < "2024-12-01")
is(remote %>% summarise(n = sum(messages, na.rm = TRUE)) %>% collect() %>% pull(n), sum(typed(41)), "dplyr: a sum")
months <- remote %>% group_by(month = date_trunc("month", date)) %>% summarise(n = sum(messages, na.rm = TRUE), .groups = "drop") %>% arrange(month)
is(collect(months)$n, typed(41), "dplyr: months")
plan <- dbGetQuery(connection, paste("EXPLAIN (COSTS OFF)", sql_render(months)))[[1]]
is(c(any(grepl("Range: date >= ", plan)), any(grepl("Bots: bot_id", plan))), c(TRUE, TRUE), "dplyr: reads no more")
is(tbl(connection, in_schema("bi", "monthly")) %>% filter(bot_id == "42", date %in% c("2024-10-01", "2024-11-01")) %>% arrange(date) %>% pull(users), typed(42, "month", "users", "distinct_count"), "dplyr: users by month")
is(remote %>% head(5) %>% collect() %>% nrow(), 5, "dplyr: a look")
joined <- remote %>% inner_join(tbl(connection, in_schema("bi", "buttons")) %>% group_by(date, bot_id) %>% summarise(clicks = sum(clicks, na.rm = TRUE), .groups = "drop"), by = c("date", "bot_id")) %>%
    summarise(n = sum(clicks, na.rm = TRUE)) %>% collect() %>% pull(n)
is(joined, dbGetQuery(connection, "SELECT count FROM kindly_stats.stats_total('41', '2024-10-01', '2024-12-01', 'Europe/Oslo', measure => 'buttons')")$count, "dplyr: a join")

# rows some at a time
result <- dbSendQuery(connection, "SELECT messages FROM bi.hourly WHERE bot_id = '41' AND date >= '2024-10-01' AND date < '2024-12-01'")
sum <- 0
while (!dbHasCompleted(result)) {
    part <- fetch(result, n = 100)
    sum <- sum + base::sum(part$messages)
}
invisible(dbClearResult(result))
is(sum, base::sum(typed(41)), "rows some at a time")
invisible(dbDisconnect(connection))
cat("1..", number, "\n", sep = "")
