/** The PostgreSQL server that tests may make databases on, when somebody names one: a `postgres://` URL. */
export const givenPostgres = process.env['CONSILIUM_TEST_POSTGRES'];
