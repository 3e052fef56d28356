# Requests to the HTTP API, as PostgREST runs them: in a transaction, as a role that
# cannot log in, with the headers and the claims of the token in settings of the transaction; the headers of
# answers, ETag among them, are compared, too.
package Requests;

use strict;
use warnings;

# Claims of a token of a bot, or others.
sub as_json { return '{' . join(', ', map { "\"$_[0]{$_}\"" =~ s/.*/"$_": "$_[0]{$_}"/r } sort keys %{ $_[0] }) . '}' }

# A transaction around a statement; claims are those of a token that is valid.
sub transaction
{
	my ($role, $claims, $uri, $statement) = @_;
	my $headers = as_json({ 'x-original-uri' => $uri });

	$claims = as_json({ exp => 4102444800, aud => 'kindly_stats', %$claims });
	return "BEGIN;\nSELECT set_config('role', '$role', true), set_config('request.method', 'GET', true), set_config('request.headers', \$\$$headers\$\$, true), "
	  . "set_config('request.jwt.claims', \$\$$claims\$\$, true) \\g /dev/null\n$statement;\nROLLBACK;\n";
}

sub get
{
	my ($bot, $uri) = @_;
	return transaction('kindly_api_user', { bot => $bot, key => 'abcdefghijkl' }, $uri, q{SELECT kindly_api.request(), current_setting('response.headers', true)});
}

# One for each documented path, those of the native schema, and some that are refused.
sub all
{
	my (%arguments) = @_;
	my ($bot, $other) = @arguments{qw(bot other)};
	my $range = 'from=2024-03-01&to=2024-06-01';
	my $call = sub { transaction('kindly_api_user', { bot => $bot, key => 'abcdefghijkl' }, '/api/native/rpc/x', "SELECT * FROM kindly_api.$_[0]") };
	my $dates = "'2024-03-01', '2024-06-01'";
	my @result;

	for my $path (@{ $arguments{paths} })
	{
		(my $uri = $path) =~ s/:bot/$bot/;
		$uri =~ s/:day/2024-05-01/;
		if ($path =~ m{^/api/agent/}) { $uri .= "?client=bot%20$bot&dateFrom=2024-03-01&dateTo=2024-06-01" }
		elsif ($path !~ /meta|export/) { $uri .= "?$range" }
		push @result, $path =~ /export/ ? transaction('kindly_api_user', { bot => $bot, key => 'abcdefghijkl' }, $uri, 'SELECT kindly_api.request_volatile()') : get($bot, $uri);
	}
	push @result, get($bot, "/api/v1/stats/bot/$other/sessions/chats?$range"), get($other, "/api/v1/stats/bot/$other/sessions/chats?$range"),
	  get($bot, "/api/v1/stats/bot/$bot/sessions/chats?$range&colour=blue"), get($bot, '/api/v1/nothing'),
	  transaction('kindly_api_user', { bot => $bot, exp => '' }, "/api/v1/stats/bot/$bot/meta/options", 'SELECT kindly_api.request()'),
	  transaction('kindly_api_anonymous', {}, "/api/v1/stats/bot/$bot/meta/options", 'SELECT kindly_api.request()'),
	  transaction('kindly_api_user', { login => 'regress_team' }, '/api/native/rpc/bots', 'SELECT * FROM kindly_api.bots()'),
	  transaction('kindly_api_user', { login => 'regress_team' }, '/api/native/rpc/bots_overview', "SELECT kindly_api.bots_overview('lastYear', tz => 'UTC')");
	push @result, map { $call->($_) } "stats_series(NULL, $dates)", "stats_total($bot, $dates)", "stats_top($bot, $dates, measure => 'buttons')", "stats_heatmap($bot, $dates)", "stats_options($bot)",
	  "fallback_rate($bot, $dates)", "top_buttons($bot, $dates)", "stats_series_compared($bot, $dates)", "stats_series_by($bot, $dates)", "stats_active($bot, $dates)", "stats_new_returning($bot, $dates)",
	  "stats_retention($bot, $dates)", "stats_funnel($bot, $dates, measures => '{messages,paid_messages}')", "languages($bot)", "svg($bot, $dates)", "overview($bot, 'lastYear', tz => 'UTC')",
	  "overview($bot, NULL, '2024-01-01', '2025-01-01', 'Europe/Oslo', 'month')", "stats_series($other, $dates)", 'token()';
	return @result;
}

1;
