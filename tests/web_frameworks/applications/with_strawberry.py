from collections.abc import AsyncGenerator

import strawberry
from strawberry.asgi import GraphQL


@strawberry.type
class Book:
    title: str
    year: int


BOOKS = [Book(title="Das Schloß", year=1926), Book(title="Emma", year=1815)]


@strawberry.type
class Query:
    @strawberry.field
    async def books(self, before: int = 9999) -> list[Book]:
        return [book for book in BOOKS if book.year < before]

    @strawberry.field
    def fails(self) -> str:
        raise ValueError("bad")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self) -> AsyncGenerator[int, None]:
        for number in range(3):
            yield number


app = GraphQL(strawberry.Schema(Query, subscription=Subscription))
