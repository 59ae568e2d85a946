"""Places of archives with a password in them, spelled in whatever way."""

from __future__ import annotations

SECRET = "s3cr3t"
PLACES = [
    f"postgresql://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql://user:{SECRET}/with/slashes@127.0.0.1:1/db",
    f"postgresql://user:a@{SECRET}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?user=u&password={SECRET}",
    f"postgresql://127.0.0.1:1/db?Password={SECRET}",
    f"postgresql://127.0.0.1:1/db?pasword={SECRET}",
    f"postgresql://127.0.0.1:1/db?sslpassword={SECRET}",
    f"postgresql://127.0.0.1:1/db?oauth_client_secret={SECRET}",
    f"postgresql://127.0.0.1:1/db?sslmode=disable&access_key={SECRET}&schema=s",
    f"postgresql://127.0.0.1:1/db?options=-c%20my.key={SECRET}",
    f"postgres://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql+asyncpg://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql://user:{SECRET}",
    f"postgresql://user:{SECRET}@127.0.0.1:port/db",
    f"mysql://user:{SECRET}@host/db?ssl_key={SECRET}",
    f"user:{SECRET}@host/db",
    f"user:{SECRET}@host:5432/db?sslmode=require",
    f"//user:{SECRET}@host/db",
    f"postgresql:user:{SECRET}@host/db",
    f"host=h dbname=d password={SECRET}",
    f"dbname=d user=u PASSWORD = '{SECRET}'",
    f"service=prod sslpassword={SECRET}",
    f"Server=h;Database=d;Pwd={SECRET}",
    f"runs?password={SECRET}",
]
